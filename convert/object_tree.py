"""A .tflite file as the objects of LiteRT's schema, to change what the converter wrote."""

from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import schema


def unpack(model: bytes) -> Any:
    """Return the ModelT of a file that TensorFlow's converter wrote."""
    from ai_edge_litert import schema_py_generated as litert

    return litert.ModelT.InitFromPackedBuf(model)


def pack(tree: Any) -> bytes:
    """Return the file of a ModelT; ``metadata.attach`` aligns its constants.

    Codes that no op has any more are left out: TensorFlow's calibrator opens no file that names an
    op of which it has no kernel.
    """
    from flatbuffers import Builder

    ops = [op for graph in tree.subgraphs for op in graph.operators]
    used = sorted({op.opcodeIndex for op in ops})
    tree.operatorCodes = [tree.operatorCodes[index] for index in used]
    for op in ops:
        op.opcodeIndex = used.index(op.opcodeIndex)
    builder = Builder(0)
    builder.Finish(tree.Pack(builder), schema.IDENTIFIER)
    return bytes(builder.Output())


def drop_unused(tree: Any) -> None:
    """Remove tensors of the main graph that no op has any more, which quantisers cannot read."""
    graph = tree.subgraphs[0]
    lists = [
        (port, name)
        for port in (graph, *graph.operators)
        for name in ("inputs", "outputs", "intermediates")
        if getattr(port, name, None) is not None
    ]
    used = {int(index) for port, name in lists for index in getattr(port, name)}
    order = sorted(used - {-1})
    place = {index: at for at, index in enumerate(order)} | {-1: -1}
    graph.tensors = [graph.tensors[index] for index in order]
    for port, name in lists:
        setattr(port, name, [place[index] for index in getattr(port, name)])
    for signature in tree.signatureDefs or ():
        for one in (*signature.inputs, *signature.outputs) if not signature.subgraphIndex else ():
            one.tensorIndex = place[one.tensorIndex]


def kind(tree: Any, op: Any) -> str:
    """Return an op's name, as "MUL"; "" of None."""
    return schema.BUILTIN_OPERATORS[_code(tree.operatorCodes[op.opcodeIndex])] if op else ""


def _code(entry: Any) -> int:
    """Return a code, which old files have in the first of two fields alone."""
    return max(int(entry.deprecatedBuiltinCode), int(entry.builtinCode))


def is_float(tree: Any, tensor: int) -> bool:
    """Return whether a tensor of the main graph is float32."""
    from ai_edge_litert import schema_py_generated as litert

    return bool(tree.subgraphs[0].tensors[tensor].type == litert.TensorType.FLOAT32)


def maker(tree: Any, tensor: int) -> Any:
    """Return the op of the main graph that writes a tensor; None of an input or a constant."""
    ops = tree.subgraphs[0].operators
    return next((op for op in ops if tensor in list(op.outputs)), None)


def readers(tree: Any, tensor: int) -> list[Any]:
    """Return the ops of the main graph that read a tensor."""
    return [op for op in tree.subgraphs[0].operators if tensor in list(op.inputs)]


def constant(tree: Any, tensor: int) -> Any:
    """Return the bytes of a constant of the main graph; None of what is calculated."""
    data = tree.buffers[tree.subgraphs[0].tensors[tensor].buffer].data
    return None if data is None or len(data) == 0 else data


def of_one_shape(tree: Any, *tensors: int) -> bool:
    """Return whether tensors of the main graph have the same shape."""
    return len({tuple(tree.subgraphs[0].tensors[index].shape) for index in tensors}) == 1


def is_plain(op: Any) -> bool:
    """Return whether no activation is fused to an op; files may leave out what says so."""
    return op.builtinOptions is None or not op.builtinOptions.fusedActivationFunction


def add_constant(tree: Any, numbers: np.generic | npt.NDArray[Any]) -> int:
    """Add a constant of float32 or integers to the main graph; return its tensor."""
    from ai_edge_litert import schema_py_generated as litert

    tree.buffers.append(litert.BufferT(data=np.frombuffer(numbers.tobytes(), np.uint8)))
    tensors, place = tree.subgraphs[0].tensors, len(tree.buffers) - 1
    kind_of_numbers = getattr(litert.TensorType, numbers.dtype.name.upper())
    name, shape = f"number_{place}".encode(), list(numbers.shape)
    tensors.append(litert.TensorT(shape=shape, type=kind_of_numbers, buffer=place, name=name))
    return len(tensors) - 1


def add_tensor(tree: Any, like: int, name: str) -> int:
    """Add a tensor that is calculated, of another one's shape; return its index."""
    tensors = tree.subgraphs[0].tensors
    tensor = copy(tensors[like])
    tensor.name, tensor.buffer = tensor.name + f"/{name}".encode(), 0
    tensors.append(tensor)
    return len(tensors) - 1


def add_operator(tree: Any, name: str, inputs: list[int], output: int, activation: int = 0) -> Any:
    """Return an op that is in no graph yet.

    Args:
        tree: the file, which gets the op's code.
        name: of the op: "MUL".
        inputs: tensors that it reads.
        output: tensor that it writes.
        activation: fused to it, of an op that has one.
    """
    from ai_edge_litert import schema_py_generated as litert

    code = schema.BUILTIN_OPERATORS.index(name)
    known = [_code(one) for one in tree.operatorCodes]
    if code not in known:
        tree.operatorCodes.append(
            litert.OperatorCodeT(deprecatedBuiltinCode=code, version=1, builtinCode=code)
        )
        known.append(code)
    op = litert.OperatorT(opcodeIndex=known.index(code), inputs=inputs, outputs=[output])
    if name in ("ADD", "MUL", "SUB"):
        options = f"{name.title()}Options"
        op.builtinOptionsType = getattr(litert.BuiltinOptions, options)
        op.builtinOptions = getattr(litert, f"{options}T")()
        op.builtinOptions.fusedActivationFunction = activation
    return op


def insert(tree: Any, old: Any, *new: Any) -> None:
    """Put ops in the place of one of the main graph."""
    graph = tree.subgraphs[0]
    at = next(i for i, op in enumerate(graph.operators) if op is old)
    graph.operators = [*graph.operators[:at], *new, *graph.operators[at + 1 :]]
