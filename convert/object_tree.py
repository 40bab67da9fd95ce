"""A .tflite file as the objects of LiteRT's schema, to change what the converter wrote."""

from typing import Any

from edge_runtime import schema


def unpack(model: bytes) -> Any:
    """Return the ModelT of a file that TensorFlow's converter wrote."""
    from ai_edge_litert import schema_py_generated as litert

    return litert.ModelT.InitFromPackedBuf(model)


def pack(tree: Any) -> bytes:
    """Return the file of a ModelT; ``metadata.attach`` aligns its constants."""
    from flatbuffers import Builder

    builder = Builder(0)
    builder.Finish(tree.Pack(builder), schema.IDENTIFIER)
    return bytes(builder.Output())
