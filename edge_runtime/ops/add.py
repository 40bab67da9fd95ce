"""ADD: ``activation(a + b)``; and the kernels of SUB, which is ``a + sign * b`` with sign -1.

Whose bytes integers give:

- "litert" and "tflite-micro": both inputs moved to the scale of twice the larger one, each rounded
  twice (``rescale_twice``), and so is their sum. The two differ where TFLite Micro calculates SUB's
  multipliers in float32, and by LiteRT's shortcut for int16 whose scales are powers of two.
- "xnnpack": XNNPACK's, which multiplies 8-bit numbers by 21-bit ones and rounds the sum once. It
  runs ratios of input and output scales in [2**-10, 2**8) and up to 6 dimensions. All others give
  the bytes of "litert", as LiteRT itself does by default for int16; for 8 bits it then runs vector
  kernels that overflow, whose bytes depend on where in a tensor an element is.
"""

from __future__ import annotations

from math import frexp

from edge_runtime.fixed_point import (
    f32,
    power_of_two,
    quantize_multiplier,
)
from edge_runtime.ops import activation, broadcast
from edge_runtime.ops.broadcast import scale, zero_point
from edge_runtime.ops.call import Call, Kernel

HEADROOM = {"int8": 20, "uint8": 20, "int16": 15}
"""Bits by which inputs are moved to the left before they are rescaled."""

XNNPACK_RATIOS = (2.0**-10, 2.0**8)
"""Ratios of input and output scale that LiteRT leaves to XNNPACK: at least, and below."""

XNNPACK_BITS = 20
XNNPACK_RANK = 6


def scales_fit(call: Call) -> str | None:
    """Quantised outputs have more than 2**-19 (int16: 2**-14) of the larger input scale."""
    if call.output.dtype not in HEADROOM or _shifts(call) is not None:
        return None
    if broadcast.shrinks(_factors(call)[2]):
        return None
    return f"{scale(call, 2)} for {scale(call, 0)} and {scale(call, 1)}"


def powers_fit(call: Call) -> str | None:
    """With pot_scale_int16, one input has the output's scale, the other up to 2**-15 of it."""
    shifts = _shifts(call)
    if shifts is None or (0 in shifts and min(shifts) >= 0 and max(shifts) <= 15):
        return None
    return f"2**{-shifts[0]} and 2**{-shifts[1]}"


def powers_are_not_broadcast(call: Call) -> str | None:
    """With pot_scale_int16, inputs have the same shape."""
    a, b = (list(call.input(position).shape) for position in (0, 1))
    return None if _shifts(call) is None or a == b else f"{a} and {b}"


SHARED_CONSTRAINTS = (
    *broadcast.CONSTRAINTS,
    scales_fit,
    powers_fit,
)
"""The constraints of both ADD and SUB."""

CONSTRAINTS = (*SHARED_CONSTRAINTS, powers_are_not_broadcast)

shapes = broadcast.shapes

ELEMENTWISE = True


def lower(call: Call, sign: int = 1) -> Kernel:
    """Return the kernel of the element type and rounding.

    Args:
        call: the op.
        sign: 1, or -1 to subtract the second input.
    """
    return broadcast.kernel(call, *_chosen(call, sign))


def _chosen(call: Call, sign: int) -> tuple[str, dict[str, int]]:
    """Return the kernel's name and parameters."""
    dtype = call.output.dtype
    if dtype == "float32":
        return "add_float32", {"sign": sign, **activation.float32_bounds(call)}
    if dtype in ("int32", "int64"):
        return f"add_{dtype}", {"sign": sign, **activation.int32_bounds(call)}
    bounds = activation.quantized_bounds(call)
    shifts = _shifts(call)
    if shifts is not None:
        params = {"a_shift": shifts[0], "b_shift": shifts[1], "sign": sign, **bounds}
        return "add_int16_shifted_once", params
    if call.rounding == "xnnpack" and dtype != "int16":
        ratios = [f32(scale(call, position) / scale(call, 2)) for position in (0, 1)]
        low, high = XNNPACK_RATIOS
        if all(low <= ratio < high for ratio in ratios) and len(call.output.shape) <= XNNPACK_RANK:
            return f"add_{dtype}_once", _once(call, sign, ratios)
    a, b, both = _factors(call, sign)
    multiplier, shift = quantize_multiplier(both)
    params = {
        "headroom": HEADROOM[dtype],
        **broadcast.rescaling(call, a, b),
        "sign": sign,
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": zero_point(call, 2),
        **bounds,
    }
    return f"add_{dtype}_twice", params


def _factors(call: Call, sign: int = 1) -> tuple[float, float, float]:
    """Return what the two inputs and their sum are multiplied by.

    Source: Prepare in tensorflow/lite/kernels/add.cc; sub_common.cc of TFLite Micro, which divides
    float32 numbers.
    """
    a, b, output = (scale(call, position) for position in range(3))
    twice = 2 * max(a, b)
    factors = a / twice, b / twice, twice / (output * 2 ** HEADROOM[call.output.dtype])
    if call.rounding == "tflite-micro" and sign < 0:
        return f32(factors[0]), f32(factors[1]), f32(factors[2])
    return factors


def _once(call: Call, sign: int, ratios: list[float]) -> dict[str, int]:
    """Return XNNPACK's parameters (xnn_init_qs8_add_minmax_scalar_params)."""
    shift = XNNPACK_BITS - (frexp(max(ratios))[1] - 1)
    # round() rounds halves to even, as lrintf does.
    a, b = round(ratios[0] * 2**shift), sign * round(ratios[1] * 2**shift)
    bias = 2 ** (shift - 1) - a * zero_point(call, 0) - b * zero_point(call, 1)
    return {
        "bias": bias,
        "a_multiplier": a,
        "b_multiplier": b,
        "shift": shift,
        "zero_point": zero_point(call, 2),
        **activation.xnnpack_bounds(call),
    }


def _shifts(call: Call) -> tuple[int, int] | None:
    """Return by how much int16 inputs are shifted, None where their scales are no powers of two.

    Source: Prepare in tensorflow/lite/kernels/add.cc; TFLite Micro shifts none.
    """
    shifted = call.op.options["pot_scale_int16"] and call.rounding != "tflite-micro"
    if call.output.dtype != "int16" or not shifted:
        return None
    a, b, output = (power_of_two(scale(call, position)) for position in range(3))
    return None if a is None or b is None or output is None else (output - a, output - b)
