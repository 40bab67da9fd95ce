"""SLICE: a block of a tensor."""

from __future__ import annotations

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, same_type, whole_number
from edge_runtime.ops.strides import strided_copy, strides


def block_is_known(call: Call) -> str | None:
    """Begin and size are constant, one of each for each dimension, inside the tensor."""
    begins, sizes = whole_number(call.input(1)), whole_number(call.input(2))
    shape = call.input(0).shape
    if begins is None or sizes is None:
        return f"{describe(call.input(1))} and {describe(call.input(2))}"
    if len(begins) == len(sizes) == len(shape) and all(
        begin >= 0 and size >= -1 and begin + max(size, 0) <= length
        for begin, size, length in zip(begins, sizes, shape, strict=True)
    ):
        return None
    return f"{list(begins)} and {list(sizes)} of {describe(call.input(0))}"


CONSTRAINTS = (same_type, block_is_known)


def _begins(call: Call) -> tuple[int, ...]:
    return whole_number(call.input(1)) or ()


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the block's sizes; -1 stands for all that follows its begin."""
    sizes = whole_number(call.input(2)) or ()
    dimensions = zip(call.input(0).shape, _begins(call), sizes, strict=True)
    return (tuple(length - begin if size < 0 else size for length, begin, size in dimensions),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    steps = strides(call.input(0).shape)
    offset = sum(begin * step for begin, step in zip(_begins(call), steps, strict=True))
    return strided_copy(call, list(zip(call.output.shape, steps, strict=True)), offset)
