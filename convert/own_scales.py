"""Inputs of MAXIMUM, MINIMUM and SELECT get scales of their own.

These need one scale for what they read and write. TensorFlow's quantiser gives them that of the
output, and so cuts off the range of a tensor that others read as well: of x in x + max(x, 0.5).
"""

from typing import Any

import numpy as np

from edgekit.convert.object_tree import (
    add_constant,
    add_operator,
    add_tensor,
    is_float,
    kind,
    pack,
    unpack,
)

OF_ONE_SCALE = {"MAXIMUM": 0, "MINIMUM": 0, "SELECT": 1, "SELECT_V2": 1}
"""Op -> its first input of that scale; a condition has none."""

PASSING = frozenset(
    "EXPAND_DIMS GATHER MAX_POOL_2D PAD RESHAPE SLICE SQUEEZE STRIDED_SLICE TRANSPOSE".split()
)
"""Ops through which a scale goes on to what they read."""


def with_own_scales(model: bytes) -> bytes:
    """Return a float .tflite file with copies of what such ops and others read; else the same.

    A copy is a product with 1, bit for bit the same number, of which the quantiser makes QUANTIZE.
    """
    tree = unpack(model)
    graph = tree.subgraphs[0]
    ops = [op for op in graph.operators if kind(tree, op) in OF_ONE_SCALE]
    found = [(op, at) for op in ops for at in _shared(tree, op)]
    for op, at in found:
        copy = add_tensor(tree, op.inputs[at], "copy")
        made = add_operator(tree, "MUL", [op.inputs[at], add_constant(tree, np.float32(1.0))], copy)
        place = next(i for i, one in enumerate(graph.operators) if one is op)
        graph.operators.insert(place, made)
        op.inputs = [copy if i == at else index for i, index in enumerate(op.inputs)]
    return pack(tree) if found else model


def _shared(tree: Any, op: Any) -> list[int]:
    """Return the places of an op's inputs whose range others need."""
    return [
        at
        for at in range(OF_ONE_SCALE[kind(tree, op)], len(op.inputs))
        if not _is_alone(tree, op.inputs[at], op)
    ]


def _is_alone(tree: Any, tensor: int, op: Any) -> bool:
    """Return whether nothing but ``op`` depends on the scale of a tensor."""
    graph = tree.subgraphs[0]
    data = tree.buffers[graph.tensors[tensor].buffer].data
    if not is_float(tree, tensor) or (data is not None and len(data)):
        return True
    maker = next((one for one in graph.operators if tensor in list(one.outputs)), None)
    readers = [one for one in graph.operators if tensor in list(one.inputs)]
    if readers != [op] or tensor in list(graph.outputs):
        return False
    return maker is not None and kind(tree, maker) not in PASSING
