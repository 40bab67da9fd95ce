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

from micro_arithmetic import (
    MAX32,
    cround,
    divide_by_power,
    exp_on_negative_values,
    multiply,
    newton_raphson,
    quantize_multiplier,
    saturating_left,
)


def gemmlowp_logistic(a: int, integer_bits: int) -> int:
    if a == 0:
        return 1 << 30
    positive = saturating_left(newton_raphson(exp_on_negative_values(-abs(a), integer_bits)), 1)
    return positive if a > 0 else MAX32 - positive


def gemmlowp_tanh(a: int, integer_bits: int) -> int:
    if a == 0:
        return 0
    x = newton_raphson(exp_on_negative_values(-abs(a), integer_bits + 1))
    t = saturating_left(x - (1 << 29), 2)
    return t if a > 0 else -t


def fixed_point_int8(
    function: Callable[[int, int], int], fraction: int, output_zero_point: int
) -> Callable[[int, float, int], int]:
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
    six = cround(float(np.float32(6) / np.float32(given[0]))) + given[1]
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
