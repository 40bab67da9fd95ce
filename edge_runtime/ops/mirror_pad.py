"""MIRROR_PAD: a tensor with its own elements around it, mirrored at its edges."""

from __future__ import annotations

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, named, pairs, same_elements, whole_number
from edge_runtime.ops.pad import shapes
from edge_runtime.ops.positions import MOST_POSITIONS, indexed_copy
from edge_runtime.ops.strides import strides

REFLECT = 0
"""Of enum MirrorPadMode: the edge itself is not repeated. The other one is SYMMETRIC."""


def paddings_are_known(call: Call) -> str | None:
    """The paddings are constant, for each dimension two numbers that its mirror image has."""
    paddings, known, shape = call.input(1), whole_number(call.input(1)), call.input(0).shape
    if known is None or paddings.shape != (len(shape), 2):
        return named(paddings)
    if all(
        0 <= padding <= size - _edge(call)
        for size, pair in zip(shape, pairs(call.input(1)), strict=True)
        for padding in pair
    ):
        return None
    return f"{list(known)} of {describe(call.input(0))}"


def positions_are_few(call: Call) -> str | None:
    """The padded dimensions, and those before them, have at most 2**18 positions in all."""
    count = sum(shapes(call)[0][: _padded(call)])
    return None if count <= MOST_POSITIONS else str(count)


CONSTRAINTS = (same_elements, paddings_are_known, positions_are_few)


def _edge(call: Call) -> int:
    """Return 1 if the edge is not repeated, otherwise 0."""
    return int(call.op.options["mode"] == REFLECT)


def _padded(call: Call) -> int:
    """Return how many dimensions there are up to the last padded one, at least 1."""
    padded = (axis for axis, pair in enumerate(pairs(call.input(1))) if any(pair))
    return max(padded, default=0) + 1


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type.

    Source: GetInputDimension in tensorflow/lite/kernels/mirror_pad.cc.
    """
    shape, edge = call.input(0).shape, _edge(call)
    steps, paddings = strides(shape), pairs(call.input(1))
    axes = []
    for axis in range(_padded(call)):
        (before, after), size, step = paddings[axis], shape[axis], steps[axis]
        left = range(before - 1 + edge, edge - 1, -1)
        right = range(size - 1 - edge, size - 1 - edge - after, -1)
        axes.append([at * step for at in (*left, *range(size), *right)])
    return indexed_copy(call, axes)
