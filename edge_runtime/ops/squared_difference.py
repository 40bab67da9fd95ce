"""SQUARED_DIFFERENCE: ``(a - b) ** 2``.

int8 is rounded twice at each step, in LiteRT and TFLite Micro alike: both inputs are moved to the
scale of twice the larger one, with 7 bits more, and the square of their difference to the output's.

Source: tensorflow/lite/kernels/squared_difference.cc.
"""

from __future__ import annotations

from edge_runtime.fixed_point import f32, quantize_multiplier
from edge_runtime.ops import broadcast
from edge_runtime.ops.broadcast import scale, zero_point
from edge_runtime.ops.call import Call, Kernel

HEADROOM = 7
"""Bits by which inputs are moved to the left before they are rescaled."""


def types_are_supported(call: Call) -> str | None:
    """Inputs and output are all int8, int32 or float32."""
    return broadcast.not_all_of(call, "int8", "int32", "float32")


def scales_fit(call: Call) -> str | None:
    """The scale of an int8 output is more than 2**-12 of the square of the larger input scale."""
    if call.output.dtype != "int8":
        return None
    if broadcast.shrinks(_factors(call)[2]):
        return None
    return f"{scale(call, 2)} for {scale(call, 0)} and {scale(call, 1)}"


CONSTRAINTS = (
    broadcast.two_inputs,
    types_are_supported,
    broadcast.shapes_fit,
    broadcast.loops_fit,
    broadcast.quantization_fits,
    scales_fit,
)

shapes = broadcast.shapes

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type."""
    dtype = call.output.dtype
    if dtype != "int8":
        params = {"count": call.output.elements}
        return broadcast.kernel(call, f"squared_difference_{dtype}", params)
    a, b, square = _factors(call)
    multiplier, shift = quantize_multiplier(square)
    params = {
        "headroom": HEADROOM,
        **broadcast.rescaling(call, a, b),
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": zero_point(call, 2),
    }
    return broadcast.kernel(call, "squared_difference_int8_twice", params)


def _factors(call: Call) -> tuple[float, float, float]:
    """Return what the two inputs and the square of their difference are multiplied by."""
    a, b, output = (scale(call, position) for position in range(3))
    twice = f32(2 * max(a, b))
    return a / twice, b / twice, twice * twice / f32(output * 2 ** (2 * HEADROOM))
