"""The kernels of LOG_SOFTMAX in NumPy, which defines their meaning; in C log_softmax_<type>.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice, rounding_shift
from edge_runtime.gemmlowp import reciprocal
from edge_runtime.kernels import exponential, logarithm
from edge_runtime.kernels.gemmlowp32 import leading_zeros, product, saturated
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Int8:
    """Parameters of ``log_softmax_int8_twice``.

    Attributes:
        rows: independent ones.
        depth: numbers of a row.
        flip: bits that are flipped in each number of the input and the output.
        least: all numbers that are so far from the largest of their row or farther, a negative
            difference, give the least output.
        multiplier: of the inverse of the input's scale.
        shift: likewise.
    """

    rows: int
    depth: int
    flip: int
    least: int
    multiplier: int
    shift: int


@record
class Float32:
    """Parameters of ``log_softmax_float32``."""

    rows: int
    depth: int


def log_softmax_int8_twice(params: Int8, tensor: Array, powers: Array, steps: Array) -> Array:
    """Define the kernel for bytes, read as int8; outputs have 4 fractional bits, from -255 to 0.

    Args:
        tensor: int8 or uint8 [rows * depth].
        powers: int32 [256], exp of how far a number is below the largest, 12 integer bits.
        steps: int32 [256], that difference, not positive, with 5 integer bits.

    Source: LogSoftmax in tensorflow/lite/kernels/internal/reference/integer_ops/log_softmax.h.
    """
    p = params
    x = (tensor.view(np.int8) ^ np.int8(p.flip)).reshape(p.rows, p.depth).astype(np.int64)
    below = x.max(axis=1, keepdims=True) - x
    logs = _logarithm(powers[below].sum(axis=1, keepdims=True, dtype=np.int64))
    least = np.maximum(p.least, rescale_twice(logs - 2**31, p.multiplier, p.shift))
    outputs = np.clip(rounding_shift(steps[below] - logs, 22) + 127, -128, 127)
    chosen = np.where(-below > least, outputs, -128).astype(np.int8) ^ np.int8(p.flip)
    return chosen.ravel().view(tensor.dtype)


SQRT_HALF = 1518500250
ROOT_4_HALF = 1805811301
"""The roots of 1/2 and sqrt(1/2), without integer bits."""

QUARTER = 2**23
"""1/4 with 6 integer bits."""


def _logarithm(x: Array) -> Array:
    """Return the logarithm, with 5 integer bits, of numbers from 1 on with 12.

    It is that of a power of two times a number near sqrt(sqrt(1/2)), of two candidates, and of that
    number it is a rational function.

    Source: log_x_for_x_greater_than_or_equal_to_1_impl in common.h of tensorflow/lite/kernels.
    """
    zeros = leading_zeros(x)
    scaled = saturated(product(saturated(x << (zeros - 1)), SQRT_HALF) << 1)
    power = ((12 - zeros) << 25) + QUARTER
    other_zeros = leading_zeros(product(x, SQRT_HALF)) - 1
    other_power = ((12 - other_zeros) << 25) - QUARTER
    r = np.minimum(scaled, saturated(x << other_zeros))
    p = (r + ROOT_4_HALF + 1) >> 1
    q = 2 * (r - ROOT_4_HALF)
    square = product(q, q)
    numerator = product(q, r) + product(product(q, square), 117049297)
    inner = 1057819769 + q + product(np.int64(127690142), square)
    denominator = product(p, inner) + product(np.int64(638450708), q)
    quotient = product(rounding_shift(numerator, 6), reciprocal(denominator))
    ln_2 = np.int64(1488522236)
    return saturated((product(np.maximum(power, other_power), ln_2) + quotient) << 1)


def log_softmax_float32(params: Float32, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: exp, sums, from left to right, and the logarithm in double.

    The error is below 2**-23 of a result or of the logarithm of the sum, whichever is larger.

    Args:
        tensor: float32 [rows * depth].
    """
    x = tensor.reshape(params.rows, params.depth)
    least = np.finfo(np.float32).min
    largest = np.fmax.reduce(x, axis=1, keepdims=True, initial=least).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        below = x.astype(np.float64) - largest
        total = np.cumsum(exponential.exp(below), axis=1)[:, -1:]
        return (below - logarithm.log(total)).astype(np.float32).ravel()
