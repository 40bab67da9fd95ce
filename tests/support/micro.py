"""TFLite Micro's int8 and int16 elementwise kernels in plain Python, written from its sources.

As C has it: 32-bit integers, division towards zero, and the constants as the sources spell them.
Sources: tensorflow/lite/micro/kernels/{logistic_common,tanh,activations_common,activations,
leaky_relu_common,quantize_common}.cc, tensorflow/lite/kernels/internal/reference/ and
gemmlowp's fixedpoint/fixedpoint.h.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

INT32_MAX = 2**31 - 1


def int32(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def divided(value: int, by: int) -> int:
    """Divide towards zero."""
    return value // by if value >= 0 else -(-value // by)


def c_round(value: float) -> int:
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


def high_mul(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul."""
    if a == b == -(2**31):
        return INT32_MAX
    product = a * b
    return divided(product + (2**30 if product >= 0 else 1 - 2**30), 2**31)


def divide_by_pot(x: int, exponent: int) -> int:
    """RoundingDivideByPOT."""
    mask = 2**exponent - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if x & mask > threshold else 0)


def multiply_by_pot(x: int, exponent: int) -> int:
    """SaturatingRoundingMultiplyByPOT, exponent not negative."""
    return max(-(2**31), min(INT32_MAX, x << exponent))


def quantize_multiplier(real: float) -> tuple[int, int]:
    if real == 0:
        return 0, 0
    q, shift = math.frexp(real)
    fixed = c_round(q * 2**31)
    if fixed == 2**31:
        fixed, shift = fixed // 2, shift + 1
    return (0, 0) if shift < -31 else (fixed, shift)


def multiply(x: int, multiplier: int, shift: int) -> int:
    """MultiplyByQuantizedMultiplier."""
    return divide_by_pot(high_mul(int32(x << max(shift, 0)), multiplier), max(-shift, 0))


def exp_on_negative_values(a: int, integer_bits: int) -> int:
    fractional = 31 - integer_bits
    quarter = 1 << (fractional - 2)
    a_mod = (a & (quarter - 1)) - quarter
    x = multiply_by_pot(a_mod, integer_bits) + (1 << 28)
    x2 = high_mul(x, x)
    x3 = high_mul(x2, x)
    x4_over_4 = divide_by_pot(high_mul(x2, x2), 2)
    terms = divide_by_pot(high_mul(x4_over_4 + x3, 715827883) + x2, 1)
    result = 1895147668 + high_mul(1895147668, x + terms)
    remainder = a_mod - a
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
    for exponent, factor in zip(range(-2, 5), factors, strict=True):
        if integer_bits > exponent and remainder & (1 << (fractional + exponent)):
            result = high_mul(result, factor)
    return result if a else INT32_MAX


def newton_raphson(a: int) -> int:
    half_denominator = divided(a + INT32_MAX + 1, 2)
    x = 1515870810 + high_mul(half_denominator, -1010580540)
    for _ in range(3):
        one_minus = (1 << 29) - high_mul(half_denominator, x)
        x += multiply_by_pot(high_mul(x, one_minus), 2)
    return x


def gemmlowp_logistic(a: int, integer_bits: int) -> int:
    if a == 0:
        return 1 << 30
    positive = multiply_by_pot(newton_raphson(exp_on_negative_values(-abs(a), integer_bits)), 1)
    return positive if a > 0 else INT32_MAX - positive


def gemmlowp_tanh(a: int, integer_bits: int) -> int:
    if a == 0:
        return 0
    x = newton_raphson(exp_on_negative_values(-abs(a), integer_bits + 1))
    t = multiply_by_pot(x - (1 << 29), 2)
    return t if a > 0 else -t


def fixed_point_int8(
    function: Callable[[int, int], int], fraction: int, output_zero_point: int
) -> Callable[[int, float, int], int]:
    def kernel(value: int, scale: float, zero_point: int) -> int:
        q, left_shift = math.frexp(scale * 2**27)
        multiplier = c_round(q * 2**31)
        radius = math.floor(15 * 2**27 / 2**left_shift)
        x = value - zero_point
        if x <= -radius:
            return -128
        if x >= radius:
            return 127
        raw = function(multiply(x, multiplier, left_shift), 4)
        return max(-128, min(127, divide_by_pot(raw, 31 - fraction) + output_zero_point))

    return kernel


logistic_int8 = fixed_point_int8(gemmlowp_logistic, 8, -128)
tanh_int8 = fixed_point_int8(gemmlowp_tanh, 7, 0)


def requantize(
    value: int, given: tuple[float, int], made: tuple[float, int], limits: tuple[int, int]
) -> int:
    """reference_ops::Requantize, as QUANTIZE prepares it."""
    multiplier, shift = quantize_multiplier(given[0] / made[0])
    output = multiply(value - given[1], multiplier, shift) + made[1]
    return max(limits[0], min(limits[1], output))


def relu(
    value: int, given: tuple[float, int], made: tuple[float, int], limits: tuple[int, int]
) -> int:
    """ReluQuantized."""
    return max(made[1], requantize(value, given, made, limits))


def relu6(value: int, given: tuple[float, int], limits: tuple[int, int]) -> int:
    """Relu6Quantized: the output's quantisation is not looked at."""
    six = c_round(float(np.float32(6) / np.float32(given[0]))) + given[1]
    six = max(limits[0], min(limits[1], six))
    return six if value > six else max(given[1], value)


def leaky_relu(
    value: int,
    given: tuple[float, int],
    made: tuple[float, int],
    limits: tuple[int, int],
    alpha: float,
) -> int:
    """reference_ops::QuantizeLeakyRelu."""
    scale, output = np.float32(given[0]), np.float32(made[0])
    real = scale / output if value >= given[1] else scale * np.float32(alpha) / output
    moved = multiply(value - given[1], *quantize_multiplier(float(real))) + made[1]
    return max(limits[0], min(limits[1], moved))
