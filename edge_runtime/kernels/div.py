"""The kernels of DIV in NumPy, which defines their meaning; in C div.c.

All have two flat inputs of the type in their name, and the loops over them, int32 [3 * LOOPS]: see
``broadcast.loops``. They return the flat output, of the same type.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice, rounding_shift
from edge_runtime.gemmlowp import reciprocal
from edge_runtime.kernels.activation import clamped, clamped_float32
from edge_runtime.kernels.broadcast import spread
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Rescaled:
    """Parameters of ``div_int8_twice`` and ``div_uint8_twice``."""

    a_zero_point: int
    b_zero_point: int
    multiplier: int
    shift: int
    zero_point: int
    lowest: int
    highest: int


@record
class Int32:
    """Parameters of ``div_int32``."""

    lowest: int
    highest: int


@record
class Float32:
    """Parameters of ``div_float32``; the bounds are the bits of float32 numbers."""

    lowest: int
    highest: int


def div_int8_twice(params: Rescaled, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: the reciprocal of ``b`` times ``a``, rescaled, rounded twice.

    By 0 it gives the bound that has the sign of ``a``.

    Source: DivElementwise in tensorflow/lite/kernels/internal/reference/div.h.
    """
    return _rescaled(params, a, b, loops)


def div_uint8_twice(params: Rescaled, a: Array, b: Array, loops: Array) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel: the same."""
    return _rescaled(params, a, b, loops)


def _rescaled(params: Rescaled, a: Array, b: Array, loops: Array) -> Array:
    dtype = a.dtype
    a, b = np.broadcast_arrays(*spread(a, b, loops))
    a, b = a - params.a_zero_point, b - params.b_zero_point
    a, b, zero = np.where(b < 0, -a, a), np.abs(b), b == 0
    digits = _digits(np.where(zero, 1, b))
    share = reciprocal((np.where(zero, 1, b) << (32 - digits)) - 2**31)
    # Numbers use all bits but the sign's: both are shifted to the left as far as that goes.
    headroom = 31 - _digits(np.where(a < 0, ~a, a))
    quotient = rescale_twice(rescale_twice(a << headroom, share, 0), params.multiplier, 0)
    right = headroom + digits - 1 - params.shift
    # Beyond 31 bits, x86 shifts by 32 bits less, and the rounding looks at the sign alone.
    beyond = (quotient >> np.maximum(right - 32, 0)) + (quotient >= 0)
    scaled = np.where(right > 31, beyond, rounding_shift(quotient, np.minimum(right, 31)))
    bound = np.where(a < 0, params.lowest, params.highest)
    output = np.where(zero, bound, scaled + params.zero_point)
    return clamped(output, params.lowest, params.highest, dtype)


def _digits(values: Array) -> Array:
    """Return the binary digits of numbers in [0, 2**24)."""
    digits: Array = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    return digits


def div_int32(params: Int32, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel: the quotient without its fraction; by 0 it is 0."""
    a, b = spread(a, b, loops)
    size = np.abs(a) // np.maximum(np.abs(b), 1)
    quotient = np.where(b == 0, 0, np.where((a < 0) == (b < 0), size, -size))
    return clamped(quotient, params.lowest, params.highest, np.int32)


def div_float32(params: Float32, a: Array, b: Array, loops: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the quotient, rounded, the same bytes as LiteRT's."""
    a, b = spread(a, b, loops)
    with np.errstate(all="ignore"):
        quotient = a / b
    return clamped_float32(quotient, params.lowest, params.highest)
