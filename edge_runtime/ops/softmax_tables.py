"""The tables of integer SOFTMAX: exp and 1 / (1 + x) as LiteRT and TFLite Micro tabulate them."""

from __future__ import annotations

from math import exp, floor

from edge_runtime.fixed_point import f32, half_away, product31, quantize_multiplier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

INTEGER_BITS = 5
"""Integer bits of the arguments of exp, which have 26 fractional bits."""

INT16_RANGE = 2**16 - 1


def fixed_point_scale(scale: float, beta: float) -> dict[str, int]:
    """Return how differences of int8 become the arguments of exp: multiplier, shift, most of them.

    Source: PreprocessSoftmaxScaling and CalculateInputRadius in
    tensorflow/lite/kernels/internal/quantization_util.cc, without TFLITE_SINGLE_ROUNDING.

    Args:
        scale: of the int8 input.
        beta: so that ``scale * beta`` is more than 2**-26.
    """
    multiplier, shift = quantize_multiplier(min(beta * scale * 2**FRACTION, 2**31 - 1.0))
    radius = floor((2**INTEGER_BITS - 1) * 2**FRACTION / 2**shift)
    return {"multiplier": multiplier, "shift": shift, "radius": min(radius, 255)}


def fixed_point_exponentials(scale: float, beta: float) -> list[int]:
    """Return e**(-beta * scale * i) for i in 0..255, with 31 fractional bits; 0 for the smallest.

    Source: Softmax in tensorflow/lite/kernels/internal/reference/softmax.h.

    Args:
        scale: of the int8 input.
        beta: as of ``fixed_point_scale``.
    """
    multiplier, shift, radius = fixed_point_scale(scale, beta).values()
    reached = range(radius + 1)
    exponentials = [_exponential(product31(-i * 2**shift, multiplier)) for i in reached]
    return exponentials + [0] * (256 - len(reached))


FRACTION = 31 - INTEGER_BITS
QUARTER = 2 ** (FRACTION - 2)
CENTRE = half_away(exp(-1 / 8) * 2**31)
THIRD = half_away(2**31 / 3)
POWERS = [
    (2 ** (FRACTION + power), half_away(exp(-(2.0**power)) * 2**31))
    for power in range(-2, INTEGER_BITS)
]
"""Bit of a number with 26 fractional bits -> e to minus its power of two, with 31."""


def _exponential(x: int) -> int:
    """Return e**x with 31 fractional bits, for x at most 0 with 26.

    Source: exp_on_negative_values in gemmlowp's fixedpoint.h: x is split into a part in [-1/4, 0),
    whose exp is a Taylor series around -1/8, and powers of two, whose exps are multiplied.
    """
    if x == 0:
        return 2**31 - 1
    part = (x & (QUARTER - 1)) - QUARTER
    around = (part << INTEGER_BITS) + 2**28
    square = product31(around, around)
    # Both are at least 0, so that halves go up.
    fourth = (product31(square, square) + 2) >> 2
    cubic = product31(fourth + product31(square, around), THIRD)
    series = around + ((cubic + square + 1) >> 1)
    result = CENTRE + product31(CENTRE, series)
    rest = part - x
    for bit, factor in POWERS:
        if rest & bit:
            result = (result * factor + 2**30) >> 31  # product31
    return result


def float_exponentials(scale: float, beta: float) -> list[float]:
    """Return float32 e**(-beta * scale * i) for i in 0..255.

    Source: PopulateSoftmaxLookupTable in
    tensorflow/lite/kernels/internal/optimized/optimized_ops.h.

    Args:
        scale: of the int8 input.
        beta: positive.
    """
    factor = f32(-scale * beta)
    return [f32(exp(f32(factor * i))) for i in range(256)]


def interpolated_exponentials(rounded: Callable[[float], float]) -> list[int]:
    """Return e**x for 513 numbers from -10 to 0, with 15 fractional bits.

    Args:
        rounded: rounds each step of the calculation: ``f32`` in TFLite Micro, ``float`` in LiteRT.
    """
    from edge_runtime.ops.interpolation import table  # of int16 alone

    unit = rounded(rounded(10.0) / INT16_RANGE)
    first, last = rounded(unit * -INT16_RANGE), rounded(unit * 0)
    scale = rounded(2.0 / INT16_RANGE)
    return table(lambda x: rounded(exp(x)), (first, last), scale, rounded)


def interpolated_reciprocals(rounded: Callable[[float], float]) -> list[int]:
    """Return 1 / (1 + x) for 513 numbers from 0 to 1, with 15 fractional bits.

    Args:
        rounded: as of ``interpolated_exponentials``.
    """
    from edge_runtime.ops.interpolation import table  # of int16 alone

    unit = rounded(1.0 / INT16_RANGE)
    first, last = rounded(unit * 0), rounded(unit * INT16_RANGE)
    scale = rounded(2.0 / INT16_RANGE)
    return table(lambda x: rounded(1 / rounded(1 + x)), (first, last), scale, rounded)
