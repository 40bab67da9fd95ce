"""DIV: ``activation(a / b)``; whole numbers of int32 are truncated.

int8 and uint8 give the bytes of LiteRT's reference kernel with every rounding: a reciprocal in
31 bits, and a product rounded twice. Where numbers are so small that its shift to the right exceeds
31 bits, C leaves open what that gives; then these are the bytes of LiteRT on x86.

What no number divides by 0: LiteRT refuses to run it with integers. Here int32 gives 0, and
quantised numbers the bound of the output that has the sign of ``a``.

Source: tensorflow/lite/kernels/div.cc, reference/div.h.
"""

from __future__ import annotations

from edge_runtime.fixed_point import f32, quantize_multiplier
from edge_runtime.ops import activation, broadcast
from edge_runtime.ops.activation import activation_is_known
from edge_runtime.ops.broadcast import scale, zero_point
from edge_runtime.ops.call import Call, Kernel

QUANTIZED = ("int8", "uint8")

FACTORS = (2.0**-26, 2.0**23)
"""Factors for which the kernel's shifts are within 0 and 63 bits: at least, and below."""


def types_are_supported(call: Call) -> str | None:
    """Inputs and output are all int8, uint8, int32 or float32."""
    return broadcast.not_all_of(call, *QUANTIZED, "int32", "float32")


def factor_fits(call: Call) -> str | None:
    """The ratio of quantised inputs' scales is from 2**-26 to 2**23 of the output's scale."""
    if call.output.dtype not in QUANTIZED or FACTORS[0] <= _factor(call) < FACTORS[1]:
        return None
    return f"{scale(call, 0)} / {scale(call, 1)} for {scale(call, 2)}"


CONSTRAINTS = (
    broadcast.two_inputs,
    types_are_supported,
    broadcast.shapes_fit,
    broadcast.loops_fit,
    broadcast.quantization_fits,
    factor_fits,
    activation_is_known,
)

shapes = broadcast.shapes

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type."""
    dtype = call.output.dtype
    if dtype == "float32":
        return broadcast.kernel(call, "div_float32", activation.float32_bounds(call))
    if dtype == "int32":
        return broadcast.kernel(call, "div_int32", activation.int32_bounds(call))
    multiplier, shift = quantize_multiplier(_factor(call))
    params = {
        "a_zero_point": zero_point(call, 0),
        "b_zero_point": zero_point(call, 1),
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": zero_point(call, 2),
        **activation.quantized_bounds(call),
    }
    return broadcast.kernel(call, f"div_{dtype}_twice", params)


def _factor(call: Call) -> float:
    """Return the factor of quotients, which LiteRT calculates in float32."""
    divisor = f32(scale(call, 1) * scale(call, 2))
    return f32(scale(call, 0) / divisor) if divisor else float("inf")
