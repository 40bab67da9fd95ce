"""UNPACK: a tensor cut along an axis into parts of size 1, which lack that dimension."""

from __future__ import annotations

from edge_runtime.ops import parts
from edge_runtime.ops.axis import axis_option
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, other_scale


def types_are_the_same(call: Call) -> str | None:
    """Input and outputs have the same element type."""
    return parts.other_types(call, 0)


def quantization_is_the_same(call: Call) -> str | None:
    """Outputs have the input's scale and zero point."""
    for output in call.outputs:
        if other_scale(call.input(0), output):
            return f"{call.input(0).quantization} for {output.quantization}"
    return None


def axis_fits(call: Call) -> str | None:
    """The axis is a dimension of the input, whose size is the number of outputs."""
    axis, shape = call.op.options["axis"], call.input(0).shape
    counts = {call.op.options["num"], len(call.outputs)}
    if -len(shape) <= axis < len(shape) and counts == {shape[axis]}:
        return None
    return f"{axis} of {describe(call.input(0))} for {len(call.outputs)} outputs"


CONSTRAINTS = (types_are_the_same, quantization_is_the_same, axis_fits)


def shapes(call: Call) -> tuple[tuple[int, ...], ...]:
    """Return the input's shape without the axis, for each output."""
    shape, axis = call.input(0).shape, axis_option(call)
    return ((*shape[:axis], *shape[axis + 1 :]),) * shape[axis]


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    return parts.split(call, 0, axis_option(call))
