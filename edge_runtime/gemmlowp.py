"""tanh and the logistic function in gemmlowp's fixed-point arithmetic of 32 or 16 bits.

TFLite Micro calculates int8 like this, and LiteRT's optimised kernels int16. All functions accept
numbers and int64 arrays; NumPy is not imported here. The 16-bit ones are in gemmlowp.h.

Source: gemmlowp, fixedpoint/fixedpoint.h. Its constants are rounded to 31 bits of fraction, and
from there to 15. The fixed-point number ``raw`` with i integer bits is ``raw * 2**(i + 1 - bits)``.
"""

from __future__ import annotations

from math import exp, frexp

from edge_runtime.fixed_point import quantize_multiplier, rescale_twice, rounding_shift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

INTEGER_BITS = 4
"""Integer bits of the numbers that int8 inputs are converted to."""


def _constant(value: float, integer_bits: int, bits: int) -> int:
    """Return ``value`` as a raw number."""
    raw = round(value * 2 ** (31 - integer_bits))
    return raw if bits == 32 else int(rounding_shift(raw, 16))


THIRD = {bits: _constant(1 / 3, 0, bits) for bits in (16, 32)}
CENTRE = {bits: _constant(exp(-1 / 8), 0, bits) for bits in (16, 32)}
POWERS = {
    bits: [_constant(exp(-(2.0**exponent)), 0, bits) for exponent in range(-2, 7)]
    for bits in (16, 32)
}
NEWTON = {bits: (_constant(48 / 17, 2, bits), _constant(-32 / 17, 2, bits)) for bits in (16, 32)}
"""Constants by the bits of the arithmetic, 16 or 32; calculated once."""


def _clamp(raw: Any, bits: int) -> Any:
    """Return ``raw`` clamped to the range of ``bits``."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    clamped = raw + (low - raw) * (raw < low)
    return clamped + (high - clamped) * (clamped > high)


def _product(a: Any, b: Any, bits: int) -> Any:
    """Return the product's high half, doubled (SaturatingRoundingDoublingHighMul)."""
    half = (a * b + (1 << (bits - 2))) >> (bits - 1)
    # Only the square of the least number exceeds the range, by 1.
    return half - (half == 1 << (bits - 1))


def _exp_of_negative(raw: Any, integer_bits: int, bits: int) -> Any:
    """Return e**x without integer bits, for x <= 0 with at most 7 integer bits.

    Source: exp_on_negative_values. The exp of x modulo 1/4 is a polynomial around -1/8, and each
    bit above it a factor.
    """
    fraction = bits - 1 - integer_bits
    quarter = 1 << (fraction - 2)
    part = (raw & (quarter - 1)) - quarter
    x = _clamp(part << integer_bits, bits) + (1 << (bits - 4))
    x2 = _product(x, x, bits)
    x3, x4 = _product(x2, x, bits), _product(x2, x2, bits)
    third, centre = THIRD[bits], CENTRE[bits]
    series = rounding_shift(_product(rounding_shift(x4, 2) + x3, third, bits) + x2, 1)
    result = _clamp(centre + _product(centre, x + series, bits), bits)
    rest = part - raw
    for exponent, factor in enumerate(POWERS[bits][: integer_bits + 2], -2):
        bit = (rest >> (fraction + exponent)) & 1
        if isinstance(bit, int) and not bit:
            continue
        smaller = _product(result, factor, bits)
        result = result + (smaller - result) * bit
    return result + ((1 << (bits - 1)) - 1 - result) * (raw == 0)


def _over_one_plus(raw: Any, bits: int) -> Any:
    """Return ``2 / (1 + x)`` with 2 integer bits, for x in [0, 1) without integer bits.

    Source: one_over_one_plus_x_for_x_in_0_1: three steps of Newton and Raphson.
    """
    half = (raw + (1 << (bits - 1))) >> 1
    first, slope = NEWTON[bits]
    x = first + _product(half, slope, bits)
    for _ in range(3):
        missing = (1 << (bits - 3)) - _product(half, x, bits)
        x = x + _clamp(_product(x, missing, bits) << 2, bits)
    return x


def reciprocal(raw: Any) -> Any:
    """Return ``1 / (1 + x)`` without integer bits, in 32 bits, for x in [0, 1)."""
    return _clamp(_over_one_plus(raw, 32) << 1, 32)


def logistic(raw: Any, integer_bits: int, bits: int) -> Any:
    """Return ``1 / (1 + e**-x)`` without integer bits."""
    negative = raw * (1 - 2 * (raw > 0))
    above = _clamp(_over_one_plus(_exp_of_negative(negative, integer_bits, bits), bits) << 1, bits)
    below = (1 << (bits - 1)) - 1 - above
    result = below + (above - below) * (raw > 0)
    return result + ((1 << (bits - 2)) - result) * (raw == 0)


def tanh(raw: Any, integer_bits: int, bits: int) -> Any:
    """Return the hyperbolic tangent without integer bits."""
    negative = raw * (1 - 2 * (raw > 0))
    # One integer bit more is twice the number.
    x = _over_one_plus(_exp_of_negative(negative, integer_bits + 1, bits), bits)
    result = _clamp((x - (1 << (bits - 3))) << 2, bits)
    return result * ((raw > 0) * 1 - (raw < 0) * 1)


def of_int8(function: Any, scale: float, fraction: int) -> Callable[[int], int]:
    """Return ``function(scale * value)`` of a value as TFLite Micro's int8 kernels do, in 32 bits.

    Source: reference/integer_ops/logistic.h and tanh.h, and their preparation in
    tensorflow/lite/micro/kernels/logistic_common.cc and tanh.cc.

    Args:
        function: ``logistic`` or ``tanh``.
        scale: scale of the input.
        fraction: fractional bits of the output.

    Returns:
        The function of the input less its zero point, in steps of ``2**-fraction``; outside of
        (-15, 15), a number beyond int8.
    """
    real = scale * 2.0 ** (31 - INTEGER_BITS)
    radius = int(15.0 * 2 ** (31 - INTEGER_BITS) / 2.0 ** frexp(real)[1])
    multiplier = quantize_multiplier(real)

    def of(value: int) -> int:
        if abs(value) >= radius:
            return 2**15 if value > -radius else -(2**15)
        raw = rescale_twice(value, *multiplier)
        return int(rounding_shift(function(raw, INTEGER_BITS, 32), 31 - fraction))

    return of
