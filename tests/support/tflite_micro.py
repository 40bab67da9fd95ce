"""What TFLite Micro calculates, in plain Python and as its sources say it: slow and independent.

Written from tensorflow/lite/micro/kernels/{add,sub,mul,softmax}_common.cc, the reference kernels
that they call (built without TFLITE_SINGLE_ROUNDING), and gemmlowp's fixedpoint.h.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from micro_arithmetic import (
    cround,
    divide_by_power,
    exp_on_negative_values,
    high_multiply,
    int32,
    multiply,
    newton_raphson,
    quantize_multiplier,
    saturating_left,
)

Quantization = tuple[float, int]
"""Scale, a float32 number, and zero point."""


def ends(activation: int, made: Quantization, bits: int) -> tuple[int, int]:
    """CalculateActivationRangeQuantized."""
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def quantize(value: float) -> int:
        return made[1] + cround(float(np.float32(value) / np.float32(made[0])))

    if activation == 1:
        return max(lowest, quantize(0)), highest
    if activation == 2:
        return max(lowest, quantize(-1)), min(highest, quantize(1))
    if activation == 3:
        return max(lowest, quantize(0)), min(highest, quantize(6))
    return lowest, highest


Triple = tuple[Quantization, Quantization, Quantization]
"""Of the inputs and the output."""


def add(
    x: Sequence[int], y: Sequence[int], quantization: Triple, activation: int, bits: int
) -> list[int]:
    (a, _), (b, _), (c, _) = quantization
    twice = 2 * max(a, b)
    factors = [a / twice, b / twice, twice / (2 ** (15 if bits == 16 else 20) * c)]
    return summed(x, y, quantization, ends(activation, quantization[2], bits), factors, bits, 1)


def subtract(
    x: Sequence[int], y: Sequence[int], quantization: Triple, activation: int, bits: int
) -> list[int]:
    """SUB, whose factors are quotients of floats (sub_common.cc)."""
    f = np.float32
    a, b, c = (f(scale) for scale, _ in quantization)
    twice = f(2) * max(a, b)
    left = f(2 ** (15 if bits == 16 else 20))
    factors = [float(a / twice), float(b / twice), float(twice / (left * c))]
    return summed(x, y, quantization, ends(activation, quantization[2], bits), factors, bits, -1)


def summed(
    x: Sequence[int],
    y: Sequence[int],
    quantization: Triple,
    limits: tuple[int, int],
    factors: list[float],
    bits: int,
    sign: int,
) -> list[int]:
    left = 2 ** (15 if bits == 16 else 20)
    (_, za), (_, zb), (_, zc) = quantization
    (ma, sa), (mb, sb), (mc, sc) = (quantize_multiplier(factor) for factor in factors)
    result = []
    for p, q in zip(x, y, strict=True):
        total = multiply((p - za) * left, ma, sa) + sign * multiply((q - zb) * left, mb, sb)
        result.append(min(limits[1], max(limits[0], multiply(total, mc, sc) + zc)))
    return result


def mul(
    x: Sequence[int], y: Sequence[int], quantization: Triple, activation: int, bits: int
) -> list[int]:
    (a, za), (b, zb), (c, zc) = quantization
    multiplier, shift = quantize_multiplier(a * b / c)
    lowest, highest = ends(activation, (c, zc), bits)
    return [
        min(highest, max(lowest, int32(zc + multiply((p - za) * (q - zb), multiplier, shift))))
        for p, q in zip(x, y, strict=True)
    ]


def one_over_one_plus(a: int) -> int:
    """one_over_one_plus_x_for_x_in_0_1."""
    return saturating_left(newton_raphson(a), 1)


def softmax_int8_twice(row: Sequence[int], scale: float, beta: float, bits: int) -> list[int]:
    """Softmax of int8 numbers with an output of ``bits`` bits."""
    real = min(beta * scale * 2**26, 2**31 - 1.0)
    multiplier, shift = quantize_multiplier(real)
    least = -math.floor(31 * 2**26 / 2**shift)
    largest = max(row)

    def power(x: int) -> int:
        return exp_on_negative_values(high_multiply((x - largest) * 2**shift, multiplier), 5)

    total = sum(divide_by_power(power(x), 12) for x in row if x - largest >= least)
    zeros = 32 - total.bit_length()
    scaled = one_over_one_plus((total << zeros) - 2**31)
    exponent = 12 - zeros + 31 - bits
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    result = []
    for x in row:
        made = 0
        if x - largest >= least:
            made = divide_by_power(high_multiply(scaled, power(x)), exponent)
        result.append(min(highest, made + lowest))
    return result


def _table(function: Callable[[np.float32], np.float32], first: float, last: float) -> list[int]:
    """LUTPopulateInt16<float> with an output range from -1 to 1."""
    f = np.float32
    output = f(2) / f(65535)
    inverse = f(65536) / (output * f(32767) - output * f(-32768))
    low, high = f(first), f(last)
    step = (high - low) / f(512)
    half = step / f(2)

    def at(x: np.float32) -> np.float32:
        return function(x) * inverse

    table = []
    for i in range(512):
        value = f(cround(float(at(low + f(i) * step))))
        following = at(low + f(i + 1) * step)
        between = f(cround(float((following + value) / f(2))))
        middle = f(cround(float(at(low + f(i) * step + half))))
        table.append(int(value) - cround(float((between - middle) / f(2))))
    table.append(cround(float(at(high))))
    return [max(-32768, min(32767, entry)) for entry in table]


def _float_exp(x: np.float32) -> np.float32:
    return np.float32(math.exp(float(x)))


def _float_reciprocal(x: np.float32) -> np.float32:
    return np.float32(1) / (np.float32(1) + x)


_unit = np.float32(10) / np.float32(65535)
EXPONENTIALS = _table(_float_exp, float(_unit * np.float32(-65535)), 0.0)
RECIPROCALS = _table(
    _float_reciprocal, 0.0, float(np.float32(1) / np.float32(65535) * np.float32(65535))
)


def looked_up(value: int, table: list[int]) -> int:
    """LUTLookup."""
    value = max(-32768, min(32767, value))
    index = 256 + (value >> 7)
    return table[index] + (((table[index + 1] - table[index]) * (value & 127) + 64) >> 7)


def softmax_int16_twice(row: Sequence[int], scale: float, beta: float) -> list[int]:
    multiplier, shift = quantize_multiplier(scale * beta / (10 / 65535))
    largest = max(row)
    powers = [
        looked_up(int32(multiply(x - largest, multiplier, shift) + 32767), EXPONENTIALS)
        for x in row
    ]
    total = sum(powers)
    zeros = 32 - total.bit_length()
    shifted = ((total << (zeros - 1)) + 2**13) >> 14
    factor = looked_up(shifted - 2**15 - 2**16, RECIPROCALS)
    right = 31 - zeros
    return [max(0, min(32767, (power * factor + 2 ** (right - 1)) >> right)) for power in powers]
