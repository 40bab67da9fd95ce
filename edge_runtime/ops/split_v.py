"""SPLIT_V: a tensor cut along an axis into parts of given sizes."""

from __future__ import annotations

from edge_runtime.ops import parts
from edge_runtime.ops.axis import known_axis, unknown_axis
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, named, whole_number


def types_are_the_same(call: Call) -> str | None:
    """Input and outputs have the same element type."""
    return parts.other_types(call, 0)


def axis_is_known(call: Call) -> str | None:
    """The axis is one constant number, a dimension of the input."""
    return unknown_axis(call.input(2), call.input(0))


def sizes_are_known(call: Call) -> str | None:
    """The sizes are constant, one for each output; at most one is -1, for what the others leave."""
    sizes = whole_number(call.input(1))
    if sizes is None:
        return named(call.input(1))
    if len(sizes) == len(call.outputs) and min(sizes) >= -1 and sizes.count(-1) <= 1:
        rest = call.input(0).shape[_axis(call)] - sum(size for size in sizes if size >= 0)
        if (rest >= 0) if -1 in sizes else (rest == 0):
            return None
    return f"{list(sizes)} of {describe(call.input(0))} for {len(call.outputs)} outputs"


CONSTRAINTS = (types_are_the_same, axis_is_known, sizes_are_known)


def _axis(call: Call) -> int:
    return known_axis(call.input(2), call.input(0))


def shapes(call: Call) -> tuple[tuple[int, ...], ...]:
    """Return the shape of each part."""
    shape, axis, sizes = call.input(0).shape, _axis(call), whole_number(call.input(1)) or ()
    rest = shape[axis] - sum(size for size in sizes if size >= 0)
    return tuple((*shape[:axis], rest if size < 0 else size, *shape[axis + 1 :]) for size in sizes)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    return parts.split(call, 0, _axis(call))
