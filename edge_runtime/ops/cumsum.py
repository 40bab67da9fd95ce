"""CUMSUM: sums along an axis of all numbers up to each, in order."""

from __future__ import annotations

from math import prod

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, same_shape, whole_number


def types_are_supported(call: Call) -> str | None:
    """Input and output are both float32, int32 or int64."""
    types = call.input(0).dtype, call.output.dtype
    return None if types[0] == types[1] in ("float32", "int32", "int64") else ", ".join(types)


def axis_is_known(call: Call) -> str | None:
    """The axis is one known whole number, a dimension of the input."""
    rank, axis = len(call.input(0).shape), whole_number(call.input(1))
    if axis is not None and len(axis) == 1 and -rank <= axis[0] < rank:
        return None
    return f"{axis} of {describe(call.input(0))}"


def size_fits(call: Call) -> str | None:
    """The input has 1 to 2**31 - 1 elements."""
    return None if 0 < call.input(0).elements < 2**31 else describe(call.input(0))


CONSTRAINTS = (types_are_supported, axis_is_known, size_fits)

shapes = same_shape


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type.

    Source: CumSum in tensorflow/lite/kernels/internal/reference/cumsum.h.
    """
    shape, options = call.input(0).shape, call.op.options
    (axis,) = whole_number(call.input(1)) or (0,)
    axis %= len(shape)
    params = {
        "outer": prod(shape[:axis]),
        "depth": shape[axis],
        "inner": prod(shape[axis + 1 :]),
        "exclusive": int(bool(options["exclusive"])),
        "reverse": int(bool(options["reverse"])),
    }
    return Kernel(f"cumsum_{call.output.dtype}", params, (0,), rows="outer" if axis else None)
