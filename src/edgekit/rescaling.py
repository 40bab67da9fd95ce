"""A float .tflite file's own rescaling of its input: the products and sums that it begins with."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.graph import Graph, Op

CARRIERS = frozenset("CAST EXPAND_DIMS RESHAPE SQUEEZE".split())
AFFINE: dict[str, Callable[[Any, Any], Any]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": np.divide,
}


def rescaled(graph: Graph, value: float) -> npt.NDArray[np.float32] | None:
    """Return the result of the model's leading products and sums with constants.

    Args:
        graph: graph of a float model.
        value: the value of all elements of the input.

    Returns:
        float32, of the shape after these ops; None if the model does not begin with such ops.
    """
    at = graph.tensors[graph.inputs[0]]
    array: npt.NDArray[np.float32] = np.full(at.shape, value, np.float32)
    rescales = False
    while len(readers := readers_of(graph, at.index)) == 1 and at.index not in graph.outputs:
        (op,) = readers
        after = graph.tensors[op.outputs[0]]
        if op.name in CARRIERS and op.inputs[0] == at.index and after.dtype == "float32":
            array = array.reshape(after.shape)
        elif op.name in AFFINE and (pair := _operands(graph, op.inputs, at.index, array)):
            with np.errstate(all="ignore"):
                array = AFFINE[op.name](*pair)
            rescales = True
        else:
            break
        if after.index <= -1 or array.shape != after.shape:
            break
        at = after
    return array if rescales and np.isfinite(array).all() else None


def _operands(
    graph: Graph, inputs: Sequence[int], at: int, array: npt.NDArray[np.float32]
) -> tuple[Any, Any] | None:
    """Return both operands of an op: ``array`` for the tensor ``at``, and a constant."""
    pair = []
    for index in inputs:
        tensor = graph.tensors[index]
        if index == at:
            pair.append(array)
        elif tensor.data is not None and tensor.dtype == "float32" and not tensor.sparse:
            pair.append(np.frombuffer(tensor.data, np.float32).reshape(tensor.shape))
    return (pair[0], pair[1]) if len(pair) == 2 and tuple(inputs) != (at, at) else None


def readers_of(graph: Graph, index: int) -> list[Op]:
    """Return the ops with outputs that read the tensor at ``index``."""
    return [op for op in graph.ops if index in op.inputs and op.outputs]
