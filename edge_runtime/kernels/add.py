"""The kernels of ADD and SUB in NumPy, which defines their meaning; in C add.c.

All have two flat inputs of the type in their name, and the loops over them, int32 [3 * LOOPS]: see
``broadcast.loops``. They return the flat output, of the same type.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice, rounding_shift
from edge_runtime.kernels.activation import clamped, clamped_float32, clamped_int64
from edge_runtime.kernels.broadcast import spread
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Rescaled:
    """Parameters of ``add_int8_twice``, ``add_uint8_twice`` and ``add_int16_twice``."""

    headroom: int
    a_zero_point: int
    a_multiplier: int
    a_shift: int
    b_zero_point: int
    b_multiplier: int
    b_shift: int
    sign: int
    multiplier: int
    shift: int
    zero_point: int
    lowest: int
    highest: int


@record
class Once:
    """Parameters of ``add_int8_once`` and ``add_uint8_once``; the bias has inputs' zero points."""

    bias: int
    a_multiplier: int
    b_multiplier: int
    shift: int
    zero_point: int
    lowest: int
    highest: int


@record
class Shifted:
    """Parameters of ``add_int16_shifted_once``."""

    a_shift: int
    b_shift: int
    sign: int
    lowest: int
    highest: int


@record
class Int32:
    """Parameters of ``add_int32`` and ``add_int64``, whose bounds ``clamped_int64`` explains."""

    sign: int
    lowest: int
    highest: int


@record
class Float32:
    """Parameters of ``add_float32``; the bounds are the bits of float32 numbers."""

    sign: int
    lowest: int
    highest: int


def add_int8_twice(params: Rescaled, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: both inputs and their sum rescaled, rounded twice each time.

    Source: AddElementwise in tensorflow/lite/kernels/internal/reference/add.h, SubElementwise in
    sub.h.
    """
    return clamped(_rescaled(params, a, b, loops), params.lowest, params.highest, np.int8)


def add_uint8_twice(params: Rescaled, a: Array, b: Array, loops: Array) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel: the same."""
    return clamped(_rescaled(params, a, b, loops), params.lowest, params.highest, np.uint8)


def add_int16_twice(params: Rescaled, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: the same."""
    return clamped(_rescaled(params, a, b, loops), params.lowest, params.highest, np.int16)


def _rescaled(params: Rescaled, a: Array, b: Array, loops: Array) -> Array:
    a, b = spread(a, b, loops)
    moved_a, moved_b = (a - params.a_zero_point), (b - params.b_zero_point)
    scaled_a = rescale_twice(moved_a << params.headroom, params.a_multiplier, params.a_shift)
    scaled_b = rescale_twice(moved_b << params.headroom, params.b_multiplier, params.b_shift)
    total = scaled_a + params.sign * scaled_b
    output: Array = rescale_twice(total, params.multiplier, params.shift) + params.zero_point
    return output


def add_int8_once(params: Once, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int8]:
    """Define XNNPACK's int8 kernel: 21-bit multipliers, one rounding, halves up.

    Source: src/qs8-vadd of XNNPACK.
    """
    return _rescaled_once(params, a, b, loops)


def add_uint8_once(params: Once, a: Array, b: Array, loops: Array) -> npt.NDArray[np.uint8]:
    """Define XNNPACK's uint8 kernel: the same.

    Source: src/qu8-vadd of XNNPACK.
    """
    return _rescaled_once(params, a, b, loops)


def _rescaled_once(params: Once, a: Array, b: Array, loops: Array) -> Array:
    dtype = a.dtype
    a, b = spread(a, b, loops)
    total = params.bias + a * params.a_multiplier + b * params.b_multiplier
    output = (total >> params.shift) + params.zero_point
    return clamped(output, params.lowest, params.highest, dtype)


def add_int16_shifted_once(
    params: Shifted, a: Array, b: Array, loops: Array
) -> npt.NDArray[np.int16]:
    """Define the kernel for scales that are powers of two: one input is shifted, and rounded once.

    Source: Add with pot_scale in tensorflow/lite/kernels/internal/reference/add.h.
    """
    a, b = spread(a, b, loops)
    total = rounding_shift(a, params.a_shift) + params.sign * rounding_shift(b, params.b_shift)
    return clamped(total, params.lowest, params.highest, np.int16)


def add_int32(params: Int32, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel: a sum that wraps."""
    a, b = spread(a, b, loops)
    total = (a + params.sign * b).astype(np.int32)
    return clamped(total, params.lowest, params.highest, np.int32)


def add_int64(params: Int32, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int64]:
    """Define the int64 kernel: a sum that wraps."""
    a, b = spread(a, b, loops)
    return clamped_int64(a + params.sign * b, params.lowest, params.highest)


def add_float32(params: Float32, a: Array, b: Array, loops: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the sum, rounded, the same bytes as LiteRT's.

    XNNPACK's are the same but for denormal numbers, for which it has 0.
    """
    a, b = spread(a, b, loops)
    with np.errstate(over="ignore", invalid="ignore"):
        total = a + np.float32(params.sign) * b
    return clamped_float32(total, params.lowest, params.highest)
