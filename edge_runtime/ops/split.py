"""SPLIT: a tensor cut along an axis into parts of the same size."""

from __future__ import annotations

from edge_runtime.ops import parts
from edge_runtime.ops.axis import known_axis, unknown_axis
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe


def types_are_the_same(call: Call) -> str | None:
    """Input and outputs have the same element type."""
    return parts.other_types(call, 1)


def axis_is_known(call: Call) -> str | None:
    """The axis is one constant number, a dimension of the input."""
    return unknown_axis(call.input(0), call.input(1))


def sizes_fit(call: Call) -> str | None:
    """The number of outputs divides the size of that dimension."""
    count, size = call.op.options["num_splits"], call.input(1).shape[_axis(call)]
    if count == len(call.outputs) and size % count == 0:
        return None
    return f"{count} of {describe(call.input(1))} for {len(call.outputs)} outputs"


CONSTRAINTS = (types_are_the_same, axis_is_known, sizes_fit)


def _axis(call: Call) -> int:
    return known_axis(call.input(0), call.input(1))


def shapes(call: Call) -> tuple[tuple[int, ...], ...]:
    """Return the shape of each part."""
    shape, axis, count = call.input(1).shape, _axis(call), len(call.outputs)
    return ((*shape[:axis], shape[axis] // count, *shape[axis + 1 :]),) * count


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    return parts.split(call, 1, _axis(call))
