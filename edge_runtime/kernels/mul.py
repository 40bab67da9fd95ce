"""The kernels of MUL in NumPy, which defines their meaning; in C mul.c.

All have two flat inputs of the type in their name, and the loops over them, int32 [3 * LOOPS]: see
``broadcast.loops``. They return the flat output, of the same type.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice
from edge_runtime.kernels.activation import clamped, clamped_float32, clamped_int64
from edge_runtime.kernels.broadcast import spread
from edge_runtime.kernels.float_bits import float32_of
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Rescaled:
    """Parameters of ``mul_int8_twice``, ``mul_uint8_twice`` and ``mul_int16_twice``."""

    a_zero_point: int
    b_zero_point: int
    multiplier: int
    shift: int
    zero_point: int
    lowest: int
    highest: int


@record
class Float:
    """Parameters of ``mul_int8_float`` and ``mul_uint8_float``.

    The factor is the bits of a float32 number.
    """

    a_zero_point: int
    b_zero_point: int
    factor: int
    zero_point: int
    lowest: int
    highest: int


@record
class Int32:
    """Parameters of ``mul_int32`` and ``mul_int64``, whose bounds ``clamped_int64`` explains."""

    lowest: int
    highest: int


@record
class Float32:
    """Parameters of ``mul_float32``; the bounds are the bits of float32 numbers."""

    lowest: int
    highest: int


def mul_int8_twice(params: Rescaled, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: the product rescaled, rounded twice.

    Source: MulElementwise in tensorflow/lite/kernels/internal/reference/integer_ops/mul.h.
    """
    return clamped(_rescaled(params, a, b, loops), params.lowest, params.highest, np.int8)


def mul_uint8_twice(params: Rescaled, a: Array, b: Array, loops: Array) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel: the same."""
    return clamped(_rescaled(params, a, b, loops), params.lowest, params.highest, np.uint8)


def mul_int16_twice(params: Rescaled, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: the same."""
    return clamped(_rescaled(params, a, b, loops), params.lowest, params.highest, np.int16)


def _rescaled(params: Rescaled, a: Array, b: Array, loops: Array) -> Array:
    a, b = spread(a, b, loops)
    product = (a - params.a_zero_point) * (b - params.b_zero_point)
    # Sums wrap as int32 does.
    moved: Array = rescale_twice(product, params.multiplier, params.shift) + params.zero_point
    return moved.astype(np.int32)


def mul_int8_float(params: Float, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int8]:
    """Define XNNPACK's int8 kernel: the product by a float32 factor, halves to even.

    Source: src/qs8-vmul of XNNPACK.
    """
    return _rescaled_float(params, a, b, loops)


def mul_uint8_float(params: Float, a: Array, b: Array, loops: Array) -> npt.NDArray[np.uint8]:
    """Define XNNPACK's uint8 kernel: the same.

    Source: src/qu8-vmul of XNNPACK.
    """
    return _rescaled_float(params, a, b, loops)


def _rescaled_float(params: Float, a: Array, b: Array, loops: Array) -> Array:
    dtype = a.dtype
    a, b = spread(a, b, loops)
    product = ((a - params.a_zero_point) * (b - params.b_zero_point)).astype(np.float32)
    scaled = product * float32_of(params.factor)
    low, high = params.lowest - params.zero_point, params.highest - params.zero_point
    rounded = np.rint(np.clip(scaled, np.float32(low), np.float32(high))) + params.zero_point
    output: Array = rounded.astype(dtype).ravel()
    return output


def mul_int32(params: Int32, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel: a product that wraps."""
    a, b = spread(a, b, loops)
    product = (a * b).astype(np.int32)
    return clamped(product, params.lowest, params.highest, np.int32)


def mul_int64(params: Int32, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int64]:
    """Define the int64 kernel: a product that wraps."""
    a, b = spread(a, b, loops)
    return clamped_int64(a * b, params.lowest, params.highest)


def mul_float32(params: Float32, a: Array, b: Array, loops: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the product, rounded, the same bytes as LiteRT's.

    XNNPACK's are the same but for denormal numbers, for which it has 0.
    """
    a, b = spread(a, b, loops)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        product = a * b
    return clamped_float32(product, params.lowest, params.highest)
