"""POW: ``a ** b``.

float32 is calculated in double, with the logarithm and the exponential of the kernels: at most one
unit in the last place from LiteRT's, which calls the C library of its machine. int32 wraps, as
LiteRT's does for a single exponent; for a tensor of these C leaves open what it gives beyond int32.
LiteRT refuses to run negative exponents of int32; here their power is that of a rational number,
without its fraction.

Source: tensorflow/lite/kernels/pow.cc.
"""

from __future__ import annotations

from edge_runtime.ops import broadcast
from edge_runtime.ops.call import Call, Kernel


def types_are_supported(call: Call) -> str | None:
    """Inputs and output are all int32 or float32."""
    return broadcast.not_all_of(call, "int32", "float32")


CONSTRAINTS = (
    broadcast.two_inputs,
    types_are_supported,
    broadcast.shapes_fit,
    broadcast.loops_fit,
)

shapes = broadcast.shapes

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type."""
    return broadcast.kernel(call, f"pow_{call.output.dtype}", {"count": call.output.elements})
