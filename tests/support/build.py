"""A builder of .tflite files: tensors of any quantisation, ops, several inputs and outputs.

build.model([build.tensor((1, 4)), build.tensor((1, 4))], [("RELU", [0], 1, {})])
"""

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

TYPES = {
    "float32": 0,
    "float16": 1,
    "int32": 2,
    "uint8": 3,
    "int64": 4,
    "string": 5,
    "bool": 6,
    "int16": 7,
    "int8": 9,
    "resource": 13,
    "uint32": 15,
}
KINDS = {
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D"), "Pool2D"),
    **dict.fromkeys(("MEAN", "SUM"), "Reducer"),
    **{f"REDUCE_{name}": "Reducer" for name in ("MAX", "MIN", "PROD", "ANY", "ALL")},
    "MAXIMUM": "MaximumMinimum",
    "MINIMUM": "MaximumMinimum",
    "PADV2": "PadV2",
    "BATCH_MATMUL": "BatchMatMul",
    "L2_NORMALIZATION": "L2Norm",
    "SVDF": "SVDF",
    "LSTM": "LSTM",
    "RNN": "RNN",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNN",
    "TOPK_V2": "TopKV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}
"""Builtin -> its options in the schema, where these are not called like it."""
VERSIONS = {"BROADCAST_TO": 2}
"""Builtin -> its first version, where this is not 1."""

Op = tuple[str, Sequence[int], int | Sequence[int], Mapping[str, Any]]
"""Builtin or custom code, inputs (-1: absent), output or outputs, options by the names of
the schema's object API; among these may be "intermediates", tensors."""

Graph = tuple[list[schema.TensorT], Sequence[Op], Sequence[int], Sequence[int]]
"""Tensors, ops in their order, inputs and outputs of the graph."""


def tensor(
    shape: Sequence[int],
    dtype: str = "float32",
    scale: float | Sequence[float] = 0.0,
    zero_point: int = 0,
    data: npt.NDArray[Any] | None = None,
    *,
    name: str | None = None,
    variable: bool = False,
    axis: int = 0,
) -> schema.TensorT:
    """Return a tensor, constant if it has ``data``.

    Args:
        shape: of the tensor.
        dtype: a key of ``TYPES``.
        scale: 0 for none; several are those of the slices along ``axis``.
        zero_point: of all slices.
        data: its numbers, of this dtype.
        name: "tensor" and its index if there is none.
        variable: whether it keeps its numbers from one inference to the next.
        axis: of several scales.
    """
    tensor = schema.TensorT(name=name, shape=list(shape), type=TYPES[dtype], isVariable=variable)
    scales = list(scale) if isinstance(scale, Sequence) else [scale] if scale else []
    if scales:
        tensor.quantization = schema.QuantizationParametersT(
            scale=scales, zeroPoint=[zero_point] * len(scales), quantizedDimension=axis
        )
    tensor.content = data
    return tensor


def constant(
    values: Any, dtype: str, scale: float | Sequence[float] = 0.0, *, name: str | None = None
) -> schema.TensorT:
    """Return a tensor of the shape and with the numbers of ``values``."""
    data = np.asarray(values, dtype)
    return tensor(data.shape, dtype, scale, data=data, name=name)


def products(scale: float, weights: float | Sequence[float]) -> float | list[float]:
    """Return the scales of a bias, of those of an input and of weights."""
    return [scale * one for one in weights] if isinstance(weights, Sequence) else scale * weights


def model(
    tensors: list[schema.TensorT],
    ops: Sequence[Op],
    *,
    inputs: Sequence[int] = (0,),
    outputs: Sequence[int] | None = None,
    signature: Mapping[str, Mapping[str, int]] | None = None,
) -> bytes:
    """Return a file of one graph.

    Args:
        tensors: of the graph.
        ops: in their order.
        inputs: tensors that the model reads.
        outputs: tensors that it gives; those of the last op if there are none.
        signature: {"inputs": {name: tensor}, "outputs": {name: tensor}} of "serving_default".
    """
    if outputs is None:
        outputs = _several(ops[-1][2])
    return file([(tensors, ops, inputs, outputs)], signature=signature)


def file(
    graphs: Sequence[Graph], *, signature: Mapping[str, Mapping[str, int]] | None = None
) -> bytes:
    """Return a file of several graphs, the first of which is run; ``signature`` is of that one."""
    tree = schema.ModelT(version=3, buffers=[schema.BufferT()], operatorCodes=[], subgraphs=[])
    for tensors, ops, inputs, outputs in graphs:
        for index, one in enumerate(tensors):
            one.name = f"tensor {index}" if one.name is None else one.name
            if one.content is not None:
                one.buffer = len(tree.buffers)
                content = np.frombuffer(one.content.tobytes(), np.uint8)
                tree.buffers.append(schema.BufferT(data=content))
        graph = schema.SubGraphT(
            tensors=tensors, inputs=list(inputs), outputs=list(outputs), operators=[]
        )
        for name, read, written, options in ops:
            code = getattr(schema.BuiltinOperator, name, schema.BuiltinOperator.CUSTOM)
            custom = name if code == schema.BuiltinOperator.CUSTOM else None
            operator = schema.OperatorT(len(tree.operatorCodes), list(read), _several(written))
            version = VERSIONS.get(name, 1)
            tree.operatorCodes.append(schema.OperatorCodeT(min(code, 127), custom, version, code))
            kind = KINDS.get(name, name.title().replace("_", "")) + "Options"
            options = dict(options)
            operator.intermediates = options.pop("intermediates", None)
            if custom:
                operator.customOptions = list(flexbuffers.Dumps(options))
            elif hasattr(schema, kind):
                operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
                operator.builtinOptions = getattr(schema, f"{kind}T")(**options)
            else:
                assert not options, f"the schema has no {kind}"
            graph.operators.append(operator)
        tree.subgraphs.append(graph)
    if signature is not None:
        maps = {
            field: [schema.TensorMapT(*pair) for pair in signature[field].items()]
            for field in ("inputs", "outputs")
        }
        tree.signatureDefs = [schema.SignatureDefT(**maps, signatureKey="serving_default")]
    return pack(tree)


def unary(
    op: str,
    source: tuple[str, float, int],
    output: tuple[str, float, int],
    elements: int,
    **options: Any,
) -> bytes:
    """Return a model of one op from "x" to "y", [1, elements]: element type, scale, zero point."""
    tensors = [
        tensor((1, elements), *quantized, name=name)
        for name, quantized in (("x", source), ("y", output))
    ]
    return model(tensors, [(op, [0], 1, options)])


def pack(tree: schema.ModelT) -> bytes:
    """Return the file of a tree of the schema's object API."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _several(outputs: int | Sequence[int]) -> list[int]:
    return [outputs] if isinstance(outputs, int) else list(outputs)
