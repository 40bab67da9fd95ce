"""CUMSUM: sums along an axis of all numbers up to each, in order."""

from __future__ import annotations

from math import prod

from edge_runtime.ops.axis import axis_is_known, known_axis
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import not_both_of, same_shape, size_fits


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int32, int64 or float32."""
    return not_both_of(call, "int32", "int64", "float32")


CONSTRAINTS = (types_are_supported, axis_is_known, size_fits)

shapes = same_shape


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type.

    Source: CumSum in tensorflow/lite/kernels/internal/reference/cumsum.h.
    """
    shape, options = call.input(0).shape, call.op.options
    axis = known_axis(call.input(1), call.input(0))
    params = {
        "outer": prod(shape[:axis]),
        "depth": shape[axis],
        "inner": prod(shape[axis + 1 :]),
        "exclusive": int(bool(options["exclusive"])),
        "reverse": int(bool(options["reverse"])),
    }
    return Kernel(f"cumsum_{call.output.dtype}", params, (0,), rows="outer" if axis else None)
