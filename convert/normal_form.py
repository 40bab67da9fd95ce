"""A .tflite file of any converter as quantisers expect it."""

from collections.abc import Sequence
from typing import Any

from edgekit.convert.object_tree import pack, unpack

KEY = "serving_default"
"""Name of the signature, as TensorFlow's converter calls it."""


def normalised(
    model: bytes, inputs: Sequence[str], outputs: Sequence[str], *, fixed: bool
) -> bytes:
    """Return ``model`` with one signature, and with op codes where today's schema has them.

    Tensors get names of their own, by which the LiteRT quantiser tells them apart: files whose
    names were stripped have none. Files of older converters have no signature, and their op codes
    only in a field that is deprecated now; read without it, each op is an ADD.

    Args:
        model: a .tflite file whose main subgraph is the first.
        inputs: names for the inputs in the file's order.
        outputs: names for the outputs in the file's order.
        fixed: forget which sizes are open; where one is, the shape has a 1 for it.
    """
    from ai_edge_litert import schema_py_generated as litert

    tree = unpack(model)
    main = tree.subgraphs[0]
    # Main first: its names are those that options and reports use.
    _name([tensor for graph in tree.subgraphs for tensor in graph.tensors])
    tree.signatureDefs = [
        litert.SignatureDefT(
            inputs=_maps(inputs, main.inputs),
            outputs=_maps(outputs, main.outputs),
            signatureKey=KEY.encode(),
            subgraphIndex=0,
        )
    ]
    for code in tree.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    if fixed:
        for tensor in main.tensors:
            tensor.shapeSignature = None
    return pack(tree)


def _name(tensors: Sequence[Any]) -> None:
    """Rename tensors that have no name, or that of an earlier one."""
    names = [tensor.name or b"" for tensor in tensors]
    taken, seen = set(names), {b""}
    for index, (tensor, name) in enumerate(zip(tensors, names, strict=True)):
        if name in seen:
            new = b"%s_%d" % (name or b"tensor", index)
            while new in taken:
                new += b"_"
            tensor.name = new
            taken.add(new)
        seen.add(name)


def _maps(names: Sequence[str], indices: Sequence[int]) -> list[object]:
    from ai_edge_litert import schema_py_generated as litert

    return [
        litert.TensorMapT(name=name.encode(), tensorIndex=int(index))
        for name, index in zip(names, indices, strict=True)
    ]
