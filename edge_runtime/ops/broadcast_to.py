"""BROADCAST_TO: a tensor repeated along its dimensions of size 1 and along new ones."""

from __future__ import annotations

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, named, same_type, whole_number
from edge_runtime.ops.strides import strided_copy, strides


def shape_is_known(call: Call) -> str | None:
    """The new shape is constant, and the input's can be broadcast to it."""
    target, shape = whole_number(call.input(1)), call.input(0).shape
    if target is None:
        return named(call.input(1))
    if len(target) >= len(shape) and all(
        size in (1, other) and other > 0
        for size, other in zip(_aligned(shape, len(target)), target, strict=True)
    ):
        return None
    return f"{list(target)} for {describe(call.input(0))}"


CONSTRAINTS = (same_type, shape_is_known)


def _aligned(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Return a shape with ones before it."""
    return (1,) * (rank - len(shape)) + shape


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the new shape."""
    return (whole_number(call.input(1)) or (),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    target = call.output.shape
    shape = _aligned(call.input(0).shape, len(target))
    dimensions = zip(target, shape, strides(shape), strict=True)
    loops = [(other, step if size == other else 0) for other, size, step in dimensions]
    return strided_copy(call, loops)
