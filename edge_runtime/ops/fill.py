"""FILL: one value as often as a shape has elements."""

from __future__ import annotations

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, named, whole_number
from edge_runtime.ops.strides import strided_copy


def shape_is_known(call: Call) -> str | None:
    """The shape is constant, its numbers from 0 on."""
    shape = whole_number(call.input(0))
    if shape is None:
        return named(call.input(0))
    return None if min(shape) >= 0 else str(list(shape))


def type_of_the_value_fits(call: Call) -> str | None:
    """The value is one number of the output's element type."""
    value = call.input(1)
    if value.elements == 1 and value.dtype == call.output.dtype:
        return None
    return f"{describe(value)} for {call.output.dtype}"


CONSTRAINTS = (shape_is_known, type_of_the_value_fits)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the shape."""
    return (whole_number(call.input(0)) or (),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    return strided_copy(call, [(call.output.elements, 0)], position=1)
