"""The integer arithmetic of TFLite Micro and gemmlowp, in plain Python: slow and independent.

As C has it: 32-bit integers, division towards zero, and the constants as the sources spell them.
Sources: tensorflow/lite/kernels/internal/common.h without TFLITE_SINGLE_ROUNDING,
quantization_util.cc, kernel_util.cc, reference/add.h, requantize.h and gemmlowp's fixedpoint.h.
What belongs to one op stands in its test.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

Quantization = tuple[float, int]
"""Scale, a float32 number, and zero point."""

Triple = tuple[Quantization, Quantization, Quantization]
"""Quantizations of two inputs and the output."""

MIN32, MAX32 = -(2**31), 2**31 - 1


def int32(value: int) -> int:
    """Wrap, as int32 arithmetic does on every machine."""
    return (value - MIN32) % 2**32 + MIN32


def cround(value: float) -> int:
    """C's round: halves away from zero."""
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)


def quantize_multiplier(real: float) -> tuple[int, int]:
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    fixed = cround(fraction * 2**31)
    if fixed == 2**31:
        fixed, shift = fixed // 2, shift + 1
    return (0, 0) if shift < -31 else (fixed, shift)


def high_multiply(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul."""
    if a == b == MIN32:
        return MAX32
    product = a * b
    nudge = 2**30 if product >= 0 else 1 - 2**30
    total = product + nudge
    return total // 2**31 if total >= 0 else -(-total // 2**31)


def divide_by_power(x: int, exponent: int) -> int:
    """RoundingDivideByPOT."""
    mask = 2**exponent - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if (x & mask) > threshold else 0)


def multiply(x: int, multiplier: int, shift: int) -> int:
    """MultiplyByQuantizedMultiplier."""
    left, right = max(shift, 0), max(-shift, 0)
    return divide_by_power(high_multiply(int32(x * 2**left), multiplier), right)


def reduced(x: int, multiplier: int, shift: int) -> int:
    """MultiplyByQuantizedMultiplier for int64."""
    factor = (multiplier + 2**15) // 2**16 if multiplier < 0x7FFF0000 else 0x7FFF
    return (x * factor + 2 ** (14 - shift)) // 2 ** (15 - shift)


def saturating_left(x: int, exponent: int) -> int:
    """SaturatingRoundingMultiplyByPOT with a positive exponent."""
    return max(MIN32, min(MAX32, x << exponent))


def exp_on_negative_values(a: int, integer_bits: int) -> int:
    fractional = 31 - integer_bits
    quarter = 1 << (fractional - 2)
    a_mod = (a & (quarter - 1)) - quarter
    x = saturating_left(a_mod, integer_bits) + (1 << 28)
    x2 = high_multiply(x, x)
    x3 = high_multiply(x2, x)
    x4_over_4 = divide_by_power(high_multiply(x2, x2), 2)
    terms = divide_by_power(high_multiply(x4_over_4 + x3, 715827883) + x2, 1)
    result = 1895147668 + high_multiply(1895147668, x + terms)
    remainder = a_mod - a
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
    for exponent, factor in zip(range(-2, 5), factors, strict=True):
        if integer_bits > exponent and remainder & (1 << (fractional + exponent)):
            result = high_multiply(result, factor)
    return result if a else MAX32


def newton_raphson(a: int) -> int:
    half_denominator = (a + MAX32 + 1) // 2
    x = 1515870810 + high_multiply(half_denominator, -1010580540)
    for _ in range(3):
        one_minus = (1 << 29) - high_multiply(half_denominator, x)
        x += saturating_left(high_multiply(x, one_minus), 2)
    return x


def bounds(activation: int, output: Quantization, bits: int) -> tuple[int, int]:
    """CalculateActivationRangeQuantized."""
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def quantize(value: float) -> int:
        return output[1] + cround(float(np.float32(value) / np.float32(output[0])))

    if activation == 1:
        return max(lowest, quantize(0)), highest
    if activation == 2:
        return max(lowest, quantize(-1)), min(highest, quantize(1))
    if activation == 3:
        return max(lowest, quantize(0)), min(highest, quantize(6))
    return lowest, highest


def summed(
    x: Sequence[int],
    y: Sequence[int],
    quantization: Triple,
    limits: tuple[int, int],
    factors: list[float],
    bits: int,
    sign: int,
) -> list[int]:
    """ADD, and SUB with the sign -1."""
    left = 2 ** (15 if bits == 16 else 20)
    (_, za), (_, zb), (_, zc) = quantization
    (ma, sa), (mb, sb), (mc, sc) = (quantize_multiplier(factor) for factor in factors)
    result = []
    for p, q in zip(x, y, strict=True):
        total = multiply((p - za) * left, ma, sa) + sign * multiply((q - zb) * left, mb, sb)
        result.append(min(limits[1], max(limits[0], multiply(total, mc, sc) + zc)))
    return result


def requantize(
    value: int, source: Quantization, output: Quantization, limits: tuple[int, int]
) -> int:
    """reference_ops::Requantize, as QUANTIZE prepares it."""
    multiplier, shift = quantize_multiplier(source[0] / output[0])
    moved = multiply(value - source[1], multiplier, shift) + output[1]
    return max(limits[0], min(limits[1], moved))


def fixed_point_int8(
    function: Callable[[int, int], int], fraction: int, output_zero_point: int
) -> Callable[[int, float, int], int]:
    """LOGISTIC and TANH of int8, by a function of fixed-point numbers and their integer bits."""

    def kernel(value: int, scale: float, zero_point: int) -> int:
        q, left_shift = math.frexp(scale * 2**27)
        multiplier = cround(q * 2**31)
        radius = math.floor(15 * 2**27 / 2**left_shift)
        x = value - zero_point
        if x <= -radius:
            return -128
        if x >= radius:
            return 127
        raw = function(multiply(x, multiplier, left_shift), 4)
        return max(-128, min(127, divide_by_power(raw, 31 - fraction) + output_zero_point))

    return kernel
