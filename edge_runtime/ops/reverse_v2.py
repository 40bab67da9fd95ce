"""REVERSE_V2: the elements in the reverse order along some dimensions."""

from __future__ import annotations

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, named, same_shape, same_type, whole_number
from edge_runtime.ops.strides import strided_copy, strides


def axes_are_known(call: Call) -> str | None:
    """The axes are constant and dimensions of the input, each at most once."""
    axes, rank = whole_number(call.input(1)), len(call.input(0).shape)
    if axes is None:
        return named(call.input(1))
    if all(-rank <= axis < rank for axis in axes) and len(_axes(call)) == len(axes):
        return None
    return f"{list(axes)} of {describe(call.input(0))}"


CONSTRAINTS = (same_type, axes_are_known)

shapes = same_shape


def _axes(call: Call) -> set[int]:
    """Return the axes counted from the front."""
    return {axis % len(call.input(0).shape) for axis in whole_number(call.input(1)) or ()}


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    shape, axes = call.input(0).shape, _axes(call)
    loops, offset = [], 0
    for axis, (size, step) in enumerate(zip(shape, strides(shape), strict=True)):
        loops.append((size, -step if axis in axes else step))
        offset += (size - 1) * step * (axis in axes)
    return strided_copy(call, loops, offset)
