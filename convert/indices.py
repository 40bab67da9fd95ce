"""Inputs that a network reads as whole numbers, such as the words of an embedding, in 8 or 16 bits.

A quantiser gives them a step as to any number, 0.07 for 20 words, and so reads other words. Here
their step is 1, and the cast to integers is one of integers.
"""

from pathlib import Path
from typing import Any

import numpy as np

from edgekit.convert.calibration import Arrays
from edgekit.convert.object_tree import (
    add_constant,
    add_operator,
    add_tensor,
    drop_unused,
    insert,
    kind,
    pack,
    readers,
    unpack,
)
from edgekit.errors import ModelFileError

LOOK_UPS = {"GATHER": (0, 1), "EMBEDDING_LOOKUP": (1, 0)}
"""Op -> places of its table and of its indices."""


def exact(path: Path, model: bytes, calibration: Arrays) -> bytes:
    """Return a quantised .tflite file whose inputs that are cast to integers are exact.

    Args:
        path: the model, as errors call it.
        model: the file; DEQUANTIZE is before a cast.
        calibration: for each input float32 [N, *shape].

    Raises:
        ModelFileError: such numbers are too large, or also read as numbers that are not whole.
    """
    from ai_edge_litert.schema_py_generated import TensorType

    tree = unpack(model)
    graph = tree.subgraphs[0]
    integers = {TensorType.INT8: 8, TensorType.INT16: 16}
    changed = False
    for index, samples in zip(graph.inputs, calibration, strict=True):
        tensor = graph.tensors[index]
        bits = integers.get(tensor.type)
        casts, others = _uses(tree, index)
        if not casts or not bits:
            continue
        name = tensor.name.decode(errors="replace")
        if others:
            raise ModelFileError(
                f"{path}: input {name} is read as whole numbers, and as others too, of which "
                "quantising would change the first: --scheme dynamic keeps them"
            )
        least, most = _range(tree, casts, samples)
        half = 2 ** (bits - 1)
        offset = 0 if least >= -half and most < half else half
        if least < offset - half or most >= offset + half or (offset and bits > 8):
            raise ModelFileError(
                f"{path}: input {name} has whole numbers up to {most}, which int{bits} has not: "
                "--scheme dynamic keeps them, with weights of 8 bits"
            )
        tensor.quantization.scale, tensor.quantization.zeroPoint = [1.0], [-offset]
        for dequantize, cast in casts:
            _read_integers(tree, index, offset, dequantize, cast)
        changed = True
    if not changed:
        return model
    drop_unused(tree)
    return pack(tree)


def _uses(tree: Any, index: int) -> tuple[list[tuple[Any, Any]], bool]:
    """Return what reads an input as whole numbers, DEQUANTIZE and CAST, and whether others do."""
    from ai_edge_litert.schema_py_generated import TensorType

    graph = tree.subgraphs[0]
    found, others = [], False
    for op in readers(tree, index):
        floats = kind(tree, op) == "DEQUANTIZE"
        for reader in readers(tree, op.outputs[0]) if floats else [op]:
            to = graph.tensors[reader.outputs[0]].type
            if (
                floats
                and kind(tree, reader) == "CAST"
                and to in (TensorType.INT32, TensorType.INT64)
            ):
                found.append((op, reader))
            else:
                others = True
    return found, others


def _range(tree: Any, casts: list[tuple[Any, Any]], samples: Any) -> tuple[int, int]:
    """Return the least and the largest number: of the samples, and of the tables they look up."""
    whole = np.trunc(samples)
    least, most = int(whole.min()), int(whole.max())
    graph = tree.subgraphs[0]
    waiting, seen = [cast.outputs[0] for _, cast in casts], set[int]()
    while waiting:
        index = waiting.pop()
        for op in readers(tree, index) if index not in seen else ():
            place, indices = LOOK_UPS.get(kind(tree, op), (0, None))
            if indices is not None and op.inputs[indices] == index:
                most = max(most, graph.tensors[op.inputs[place]].shape[0] - 1)
            elif graph.tensors[op.outputs[0]].type == graph.tensors[index].type:
                waiting.append(op.outputs[0])
        seen.add(index)
    return least, most


def _read_integers(tree: Any, index: int, offset: int, dequantize: Any, cast: Any) -> None:
    """Let ``cast`` read the input's integers, and add what they lack."""
    from ai_edge_litert.schema_py_generated import TensorType

    graph = tree.subgraphs[0]
    result = cast.outputs[0]
    graph.operators = [op for op in graph.operators if op is not dequantize]
    cast.inputs = [index]
    if cast.builtinOptions:
        cast.builtinOptions.inDataType = graph.tensors[index].type
    if not offset:
        return
    less = add_tensor(tree, result, "less")
    cast.outputs = [less]
    is_long = graph.tensors[result].type == TensorType.INT64
    missing = add_constant(tree, np.int64(offset) if is_long else np.int32(offset))
    insert(tree, cast, cast, add_operator(tree, "ADD", [less, missing], result))
