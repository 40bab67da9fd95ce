"""The kernels of comparisons in NumPy, which defines their meaning; in C comparison.c.

All have two flat inputs of the type in their name, and the loops over them, int32 [3 * LOOPS]: see
``broadcast.loops``. They return the flat output, bool.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice
from edge_runtime.kernels.broadcast import spread
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]
Bools: TypeAlias = npt.NDArray[np.bool_]

FRACTION = 8
"""Bits of fraction of rescaled numbers."""


@record
class Order:
    """Parameters of kernels of whole numbers.

    Attributes:
        less: the output, 0 or 1, where the first number is less.
        equal: where both are equal.
        greater: where the first one is greater.
    """

    less: int
    equal: int
    greater: int


@record
class Rescaled:
    """Parameters of kernels of quantised numbers; the last three are those of ``Order``."""

    a_zero_point: int
    a_multiplier: int
    a_shift: int
    b_zero_point: int
    b_multiplier: int
    b_shift: int
    less: int
    equal: int
    greater: int


@record
class Floats:
    """Parameters of the float32 kernel: those of ``Order``.

    Attributes:
        unordered: the output where one number is NaN.
    """

    less: int
    equal: int
    greater: int
    unordered: int


def comparison_int8_twice(params: Rescaled, a: Array, b: Array, loops: Array) -> Bools:
    """Define the int8 kernel: numbers times their scales, rounded twice to FRACTION bits.

    Source: ComparisonWithScaling in tensorflow/lite/kernels/internal/reference/comparisons.h.
    """
    return _rescaled(params, a, b, loops)


def comparison_uint8_twice(params: Rescaled, a: Array, b: Array, loops: Array) -> Bools:
    """Define the uint8 kernel: the same."""
    return _rescaled(params, a, b, loops)


def comparison_int16_twice(params: Rescaled, a: Array, b: Array, loops: Array) -> Bools:
    """Define the kernel of quantised int16: the same."""
    return _rescaled(params, a, b, loops)


def _rescaled(params: Rescaled, a: Array, b: Array, loops: Array) -> Bools:
    a, b = spread(a, b, loops)
    moved_a, moved_b = (a - params.a_zero_point) << FRACTION, (b - params.b_zero_point) << FRACTION
    first = rescale_twice(moved_a, params.a_multiplier, params.a_shift)
    second = rescale_twice(moved_b, params.b_multiplier, params.b_shift)
    return _ordered(params, first, second, params.equal)


def comparison_int16(params: Order, a: Array, b: Array, loops: Array) -> Bools:
    """Define the int16 kernel."""
    return _ordered(params, *spread(a, b, loops), params.equal)


def comparison_int32(params: Order, a: Array, b: Array, loops: Array) -> Bools:
    """Define the int32 kernel."""
    return _ordered(params, *spread(a, b, loops), params.equal)


def comparison_int64(params: Order, a: Array, b: Array, loops: Array) -> Bools:
    """Define the int64 kernel."""
    return _ordered(params, *spread(a, b, loops), params.equal)


def comparison_float32(params: Floats, a: Array, b: Array, loops: Array) -> Bools:
    """Define the float32 kernel."""
    return _ordered(params, *spread(a, b, loops), params.unordered)


def _ordered(params: Any, a: Array, b: Array, unordered: int) -> Bools:
    otherwise = np.where(a == b, params.equal, unordered)
    output = np.where(a < b, params.less, np.where(a > b, params.greater, otherwise))
    bools: Bools = output.astype(np.bool_).ravel()
    return bools
