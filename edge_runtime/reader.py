"""A .tflite file, read into a Graph with nothing but the standard library.

The file may come from anywhere: every offset, length, index, shape, element type, quantisation
vector and buffer size is checked here, so that users of a Graph need not check again. Rules that
the schema leaves open follow LiteRT's interpreter_builder.cc.
"""

from __future__ import annotations

from math import inf

from edge_runtime import schema
from edge_runtime.errors import ModelError
from edge_runtime.flatbuffer import FlatBuffer, Table
from edge_runtime.graph import EMPTY, Blockwise, Graph, Op, Quantization, Sparsity, Tensor
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator, Mapping
    from typing import Any

SCALED = ("int8", "uint8", "int16", "int4", "int2", "uint4", "uint16")
"""Element types whose scales have to be sound; those of biases and floats are not used alone, and
some converters write 0 there."""

MAX_RANK = 64
"""Most dimensions of a tensor: those of a NumPy array."""

_PAGE = "it is a web page: the download returned an error, or the page about the file"
_PICKLE = "it is a Python pickle, as PyTorch's old .pt files are: export the model to .tflite"
_GZIP = "it is compressed with gzip: unpack it with gunzip or tar"
_ONNX = "it is an ONNX model: convert the model that it was exported from, or use onnx2tf"
_PROTOBUF = "it is a TensorFlow SavedModel's .pb: convert its folder with TensorFlow"

FOREIGN = (
    (b"version https://git-lfs", "it is a Git LFS pointer, not the model: run `git lfs pull`"),
    (b"PK\x03\x04", "it is a zip file; if it is a .keras model, `edgekit convert` converts it"),
    (b"\x89HDF", "it is an HDF5 file; if it is a Keras .h5 model, `edgekit convert` converts it"),
    (b"\x89PNG", "it is a PNG image"),
    (b"\xff\xd8\xff", "it is a JPEG image"),
    (b"<!doctype", _PAGE),
    (b"<html", _PAGE),
    (b"<?xml", _PAGE),
    (b"\x1f\x8b", _GZIP),
    (b"\x08\x01\x12", _PROTOBUF),
    *((bytes([8, version, 18]), _ONNX) for version in range(3, 16)),
    *((bytes([128, protocol]), _PICKLE) for protocol in range(2, 6)),
    (b"\x93NUMPY", "it is a NumPy array"),
    (b"GGUF", "it is a GGUF model of llama.cpp"),
    (b"unsigned char", "it is C source: use the .tflite file that it was generated from"),
    (b"#include", "it is C source: use the .tflite file that it was generated from"),
    (b"const unsigned char", "it is C source: use the .tflite file that it was generated from"),
    (b"{", "it is JSON"),
)
"""First bytes of files that are often used by mistake, and what to say about them. Text is
compared in lower case and without the space before it."""

HEAD = 512
"""Bytes at the start of a file that are compared with FOREIGN."""

TORCH = b"/data.pkl"
"""Name of the first file in PyTorch's zip files, which is in their first bytes."""


def read(data: bytes | memoryview | mmap.mmap) -> Graph:
    """Read the first subgraph of a .tflite file, with the others.

    Constants and metadata buffers are views into ``data``: nothing large is copied, and ``data``
    stays in memory as long as the graph.

    Args:
        data: the whole file; a zip appended to the model, as TFLite Metadata does, is ignored.

    Raises:
        ModelError: ``data`` is not a .tflite file, or anything in it is damaged or contradictory.
    """
    first, *others = _subgraphs(data)
    return replace(first, others=tuple(others)) if others else first


def _subgraphs(data: bytes | memoryview | mmap.mmap) -> Iterator[Graph]:
    """Read the subgraphs of a .tflite file, the model first.

    Tensors that share a buffer share its view, even across subgraphs.
    """
    view = memoryview(data).toreadonly().cast("B")
    _require_tflite(view)
    model = FlatBuffer(view, ModelError).root("model")
    version = model.scalar(schema.Model.VERSION, "I")
    if version != schema.VERSION:
        raise ModelError(f"model: schema version {version} is not {schema.VERSION}")

    codes = [_op_code(table) for table in model.tables(schema.Model.OPERATOR_CODES, "op code")]
    buffers = [_content(table, view) for table in model.tables(schema.Model.BUFFERS, "buffer")]
    count = model.count(schema.Model.SUBGRAPHS)
    if not count:
        raise ModelError("model: it has no subgraph")
    metadata = None
    for number, subgraph in enumerate(model.tables(schema.Model.SUBGRAPHS, "subgraph")):
        tensors = tuple(
            _tensor(table, index, buffers)
            for index, table in enumerate(subgraph.tables(schema.SubGraph.TENSORS, "tensor"))
        )
        valid = range(len(tensors))
        inputs = _indices(subgraph, schema.SubGraph.INPUTS, "input", valid)
        outputs = _indices(subgraph, schema.SubGraph.OUTPUTS, "output", valid)
        graph = Graph(
            description=model.string(schema.Model.DESCRIPTION) if metadata is None else "",
            tensors=tensors,
            ops=tuple(
                _op(table, index, codes, len(tensors))
                for index, table in enumerate(subgraph.tables(schema.SubGraph.OPERATORS, "op"))
            ),
            inputs=inputs,
            outputs=outputs,
            input_names=_signature(model, number, schema.SignatureDef.INPUTS, inputs),
            output_names=_signature(model, number, schema.SignatureDef.OUTPUTS, outputs),
            metadata=_metadata(model, buffers) if metadata is None else metadata,
            size=len(view),
        )
        metadata = graph.metadata
        yield graph


def _signature(model: Table, number: int, maps: int, indices: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names of a subgraph's inputs or outputs in its signature, in their order.

    Empty without a signature that names each of them once.

    Args:
        model: the root table.
        number: index of the subgraph.
        maps: INPUTS or OUTPUTS of the signature.
        indices: indices of the tensors.
    """
    for signature in model.tables(schema.Model.SIGNATURES, "signature"):
        if signature.scalar(schema.SignatureDef.SUBGRAPH, "I") == number:
            named = {
                port.scalar(schema.TensorMap.TENSOR, "I"): port.string(schema.TensorMap.NAME)
                for port in signature.tables(maps, "tensor of a signature")
            }
            names = tuple(named.get(index, "") for index in indices)
            if all(names) and len({*names}) == len(named) == len(indices):
                return names
    return ()


def _metadata(model: Table, buffers: list[memoryview]) -> dict[str, memoryview]:
    """Return the metadata entries by their names."""
    return {
        table.string(schema.Metadata.NAME): _buffer(table, schema.Metadata.BUFFER, buffers)
        for table in model.tables(schema.Model.METADATA, "metadata entry")
    }


def _require_tflite(view: memoryview) -> None:
    """Raise unless the file has the file identifier."""
    if view[4:8] == schema.IDENTIFIER:
        return
    if not view:
        raise ModelError("not a .tflite file: it is empty")
    head = bytes(view[:HEAD])
    if head.startswith(b"PK") and TORCH in head:
        raise ModelError("not a .tflite file: it is a PyTorch model: export it to .tflite")
    text = head.lstrip().lower()
    for signature, what in FOREIGN:
        if head.startswith(signature) or text.startswith(signature):
            raise ModelError(f"not a .tflite file: {what}")
    raise ModelError("not a .tflite file: bytes 4 to 7 are not 'TFL3'")


def _op_code(table: Table) -> tuple[str, int, bool]:
    """Return name, version and whether the op is custom."""
    # Files from before 2020 have only the first field, which is one byte; later ones write 127
    # there when the code does not fit.
    code = max(
        table.scalar(schema.OperatorCode.DEPRECATED_BUILTIN_CODE, "b"),
        table.scalar(schema.OperatorCode.BUILTIN_CODE, "i"),
    )
    version = table.scalar(schema.OperatorCode.VERSION, "i", default=1)
    if code == schema.CUSTOM:
        name = table.string(schema.OperatorCode.CUSTOM_CODE)
        if not name:
            raise ModelError(f"{table.name}: a custom op without a name")
        return name, version, True
    if not 0 <= code < len(schema.BUILTIN_OPERATORS):
        raise ModelError(f"{table.name}: builtin operator {code} is not known to this version")
    return schema.BUILTIN_OPERATORS[code], version, False


def _content(table: Table, view: memoryview) -> memoryview:
    """Return the bytes of a buffer, empty when it has none."""
    # Models above 2 GB keep the content behind the FlatBuffer; the schema calls an offset valid
    # when it is greater than 1.
    offset = table.scalar(schema.Buffer.OFFSET, "Q")
    if offset <= 1:
        return table.content(schema.Buffer.DATA)
    size = table.scalar(schema.Buffer.SIZE, "Q")
    if offset + size > len(view):
        raise ModelError(
            f"{table.name}: {size} bytes at offset {offset} are outside the file of "
            f"{len(view)} bytes, which is truncated or damaged"
        )
    return view[offset : offset + size]


def _buffer(table: Table, field: int, buffers: list[memoryview]) -> memoryview:
    """Return the bytes of the buffer that ``field`` of ``table`` names."""
    index = table.scalar(field, "I")
    if index >= len(buffers):
        raise ModelError(f"{table.name}: there is no buffer {index}, the file has {len(buffers)}")
    return buffers[index]


def _tensor(table: Table, index: int, buffers: list[memoryview]) -> Tensor:
    """Read and check one tensor."""
    code = table.scalar(schema.Tensor.TYPE, "b")
    if not 0 <= code < len(schema.TENSOR_TYPES):
        raise ModelError(f"{table.name}: element type {code} is not known to this version")
    dtype, bits = schema.TENSOR_TYPES[code]
    shape = table.vector(schema.Tensor.SHAPE, "i")
    signature = table.vector(schema.Tensor.SHAPE_SIGNATURE, "i") or shape
    _require_shape(table.name, shape, signature)
    if table.scalar(schema.Tensor.EXTERNAL_BUFFER, "I"):
        raise ModelError(f"{table.name}: its constant lies in another file, not supported")
    quantization = table.table(schema.Tensor.QUANTIZATION, f"{table.name}: quantization")
    tensor = Tensor(
        index=index,
        name=table.string(schema.Tensor.NAME),
        shape=shape,
        signature=signature,
        dtype=dtype,
        quantization=_quantization(quantization, shape, dtype, bits) if quantization else None,
        data=_buffer(table, schema.Tensor.BUFFER, buffers) or None,
        sparsity=_sparsity(table),
        blockwise=_blockwise(quantization) if quantization else None,
        variable=table.scalar(schema.Tensor.IS_VARIABLE, "?") != 0,
    )
    if bits is not None:
        size = (tensor.elements * bits + 7) // 8
        if size >= 2**63:
            raise ModelError(f"{table.name}: shape {list(shape)} is too large")
        if tensor.data is not None and len(tensor.data) != size and not tensor.sparse:
            raise ModelError(
                f"{table.name}: {dtype}{list(shape)} takes {size} bytes, its constant has "
                f"{len(tensor.data)}"
            )
    return tensor


def _require_shape(name: str, shape: tuple[int, ...], signature: tuple[int, ...]) -> None:
    """Raise unless the shape can be a tensor's."""
    if len(shape) > MAX_RANK:
        raise ModelError(f"{name}: {len(shape)} dimensions, at most {MAX_RANK} are supported")
    if min(shape, default=0) < 0:
        raise ModelError(f"{name}: shape {list(shape)} has a negative dimension")
    if len(signature) != len(shape) or min(signature, default=0) < -1:
        raise ModelError(
            f"{name}: shape signature {list(signature[:MAX_RANK])} does not fit {list(shape)}"
        )


def _quantization(
    table: Table, shape: tuple[int, ...], dtype: str, bits: int | None
) -> Quantization | None:
    """Read and check the quantisation of a tensor; None when it has no scales."""
    scales = table.vector(schema.QuantizationParameters.SCALE, "f")
    if not scales:
        return None
    zero_points = table.vector(schema.QuantizationParameters.ZERO_POINT, "q")
    axis = table.scalar(schema.QuantizationParameters.QUANTIZED_DIMENSION, "i")
    if len(zero_points) != len(scales):
        raise ModelError(f"{table.name}: {len(scales)} scales, {len(zero_points)} zero points")
    if not 0 <= axis < max(len(shape), 1):
        raise ModelError(f"{table.name}: axis {axis} is not one of {len(shape)} dimensions")
    if len(scales) > 1 and shape[axis : axis + 1] != (len(scales),):
        raise ModelError(f"{table.name}: {len(scales)} scales along axis {axis} of {list(shape)}")
    if not (min(scales) > 0 and sum(scales) < inf):  # NaN makes the sum NaN
        if dtype not in SCALED:
            return None
        raise ModelError(f"{table.name}: a scale is not a positive number")
    if bits is not None and "int" in dtype:
        # LiteRT keeps zero points as int32, whatever the element type.
        bits = min(bits, 32)
        low, high = (0, 2**bits) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        if not low <= min(zero_points) <= max(zero_points) < high:
            raise ModelError(f"{table.name}: a zero point is outside {dtype}")
    return Quantization(scales=scales, zero_points=zero_points, axis=axis)


def _sparsity(tensor: Table) -> Sparsity | None:
    """Read where the numbers of a sparse constant belong, unchecked; None of others."""
    table = tensor.table(schema.Tensor.SPARSITY, f"{tensor.name}: sparsity")
    if table is None:
        return None
    fields, dimension = schema.SparsityParameters, schema.DimensionMetadata
    levels: list[int | tuple[tuple[int, ...], tuple[int, ...]]] = []
    for level in table.tables(fields.DIM_METADATA, f"{tensor.name}: level"):
        if level.scalar(dimension.FORMAT, "b") == dimension.SPARSE:
            segments = _index_vector(level, dimension.SEGMENTS_TYPE, dimension.SEGMENTS)
            indices = _index_vector(level, dimension.INDICES_TYPE, dimension.INDICES)
            levels.append((segments, indices))
        else:
            levels.append(level.scalar(dimension.DENSE_SIZE, "i"))
    return Sparsity(
        order=table.vector(fields.TRAVERSAL_ORDER, "i"),
        blocks=table.vector(fields.BLOCK_MAP, "i"),
        levels=tuple(levels),
    )


def _index_vector(level: Table, kind: int, field: int) -> tuple[int, ...]:
    """Read a union of vectors of several integer types."""
    code, table = level.scalar(kind, "B"), level.table(field, level.name)
    if table is None or not 0 < code < len(schema.DimensionMetadata.VECTORS):
        return ()
    return table.vector(0, schema.DimensionMetadata.VECTORS[code])


def _blockwise(table: Table) -> Blockwise | None:
    """Read the blockwise quantisation of a tensor; None when it has none."""
    fields = schema.QuantizationParameters
    if table.scalar(fields.DETAILS_TYPE, "B") != fields.BLOCKWISE:
        return None
    details = table.table(fields.DETAILS, f"{table.name}: blockwise")
    if details is None:
        raise ModelError(f"{table.name}: it is blockwise, but its details are missing")
    return Blockwise(
        scales=details.scalar(schema.BlockwiseQuantization.SCALES, "i"),
        zero_points=details.scalar(schema.BlockwiseQuantization.ZERO_POINTS, "i"),
        block=details.scalar(schema.BlockwiseQuantization.BLOCK_SIZE, "i"),
    )


def _op(table: Table, index: int, codes: list[tuple[str, int, bool]], tensors: int) -> Op:
    """Read and check one operator."""
    code = table.scalar(schema.Operator.OPCODE_INDEX, "I")
    if code >= len(codes):
        raise ModelError(f"{table.name}: there is no op code {code}, the file has {len(codes)}")
    name, version, custom = codes[code]
    return Op(
        index=index,
        name=name,
        version=version,
        # -1 stands for an optional input that is absent.
        inputs=_indices(table, schema.Operator.INPUTS, "input", range(-1, tensors)),
        outputs=_indices(table, schema.Operator.OUTPUTS, "output", range(tensors)),
        custom=custom,
        options=_custom_options(table, name) if custom else _options(table, name),
        intermediates=_indices(
            table, schema.Operator.INTERMEDIATES, "intermediate", range(tensors)
        ),
    )


def _options(op: Table, name: str) -> Mapping[str, Any]:
    """Read the options of the builtin ``name`` that are in ``schema.OPTIONS``."""
    if name not in schema.OPTIONS:
        return EMPTY
    member, fields = schema.OPTIONS[name]
    kind = op.scalar(schema.Operator.BUILTIN_OPTIONS_TYPE, "B")
    table = op.table(schema.Operator.BUILTIN_OPTIONS, f"{op.name}: options")
    if kind not in (0, member):
        raise ModelError(f"{op.name}: it is {name}, but its options are of type {kind}")
    values: dict[str, Any] = {}
    for field, (key, code, default) in enumerate(fields):
        if table is None or kind == 0:
            values[key] = "" if code == "s" else () if "*" in code else default
        elif code == "s":
            values[key] = table.string(field)
        elif "*" in code:
            values[key] = table.vector(field, code[0])
        elif code == "f":
            values[key] = table.real(field, default)
        else:
            values[key] = table.scalar(field, code, default)
    return values


def _custom_options(op: Table, name: str) -> Mapping[str, Any]:
    """Read the options of the custom op ``name`` if it is in ``schema.MAPS``."""
    content = op.content(schema.Operator.CUSTOM_OPTIONS)
    if name not in schema.MAPS or not content:
        return EMPTY
    from edge_runtime.flexbuffer import read_map

    return read_map(content)


def _indices(table: Table, field: int, what: str, valid: range) -> tuple[int, ...]:
    """Return a vector of tensor indices, all of them ``valid``."""
    indices = table.vector(field, "i")
    for index in indices:
        if index not in valid:
            raise ModelError(
                f"{table.name}: its {what} is tensor {index}, the file has {valid.stop}"
            )
    return indices
