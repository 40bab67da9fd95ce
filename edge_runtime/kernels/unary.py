"""Kernels of exact functions of one number in NumPy, which defines their meaning; in C unary.c.

All have one flat input [count] and a flat output of the same type. The bytes are those of LiteRT.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Count:
    """Parameters of kernels of one number that need no others."""

    count: int


def unary_neg_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define NEG of float32."""
    negative: npt.NDArray[np.float32] = -tensor
    return negative


def unary_neg_int16(_: Count, tensor: Array) -> npt.NDArray[np.int16]:
    """Define NEG of int16, whose least number stays."""
    negative: npt.NDArray[np.int16] = -tensor
    return negative


def unary_neg_int32(_: Count, tensor: Array) -> npt.NDArray[np.int32]:
    """Define NEG of int32, whose least number stays."""
    negative: npt.NDArray[np.int32] = -tensor
    return negative


def unary_neg_int64(_: Count, tensor: Array) -> npt.NDArray[np.int64]:
    """Define NEG of int64, whose least number stays."""
    negative: npt.NDArray[np.int64] = -tensor
    return negative


def unary_abs_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define ABS of float32."""
    size: npt.NDArray[np.float32] = np.abs(tensor)
    return size


def unary_abs_int32(_: Count, tensor: Array) -> npt.NDArray[np.int32]:
    """Define ABS of int32, whose least number stays."""
    size: npt.NDArray[np.int32] = np.abs(tensor)
    return size


def unary_sign_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define SIGN of float32: -1, 0, 1 or NaN."""
    sign = np.where(tensor > 0, np.float32(1), np.where(tensor < 0, np.float32(-1), tensor))
    return np.where(tensor == 0, np.float32(0), sign)


def unary_sign_int32(_: Count, tensor: Array) -> npt.NDArray[np.int32]:
    """Define SIGN of int32: -1, 0 or 1."""
    return np.sign(tensor)


def unary_square_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define SQUARE of float32."""
    with np.errstate(over="ignore", under="ignore"):
        square: npt.NDArray[np.float32] = tensor * tensor
    return square


def unary_floor_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define FLOOR of float32; -0.0 stays."""
    return np.floor(tensor)


def unary_ceil_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define CEIL of float32, -0.0 from -1 on."""
    return np.ceil(tensor)


def unary_round_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define ROUND of float32: halves to the even number, and 0.0 from -1 on, but for -0.0.

    Source: RoundToNearest in tensorflow/lite/kernels/internal/reference/round.h.
    """
    below = np.floor(tensor)
    with np.errstate(invalid="ignore"):
        rest = tensor - below
        up = ~((rest < 0.5) | ((rest == 0.5) & (np.fmod(below, 2) == 0)))
        rounded: npt.NDArray[np.float32] = np.where(up, below + np.float32(1), below)
    return rounded


def unary_logical_not_bool(_: Count, tensor: Array) -> npt.NDArray[np.bool_]:
    """Define LOGICAL_NOT; a byte other than 0 is true."""
    negated: npt.NDArray[np.bool_] = tensor.view(np.uint8) == 0
    return negated
