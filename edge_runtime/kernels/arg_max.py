"""The kernels of ARG_MAX and ARG_MIN in NumPy, which defines their meaning; in C arg_max.c.

All have an input [outer * depth * inner] and return positions [outer * inner], int32 or int64: at
which of ``depth`` the largest number is, the first of equal ones.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class ArgMax:
    """Parameters of integers.

    Attributes:
        outer: rows before the axis.
        depth: the axis.
        inner: numbers behind the axis.
        wide: whether positions are int64.
        flip: bits that are flipped in each number before they are compared.
    """

    outer: int
    depth: int
    inner: int
    wide: int
    flip: int


@record
class Float32:
    """Parameters of float32, whose numbers are multiplied by a sign before they are compared."""

    outer: int
    depth: int
    inner: int
    wide: int
    sign: int


def arg_max_int8(params: ArgMax, tensor: Array) -> npt.NDArray[np.int32 | np.int64]:
    """Define the kernel for bytes, read as int8."""
    return _positions(params, tensor.view(np.int8) ^ np.int8(params.flip))


def arg_max_int32(params: ArgMax, tensor: Array) -> npt.NDArray[np.int32 | np.int64]:
    """Define the int32 kernel."""
    return _positions(params, tensor ^ np.int32(params.flip))


def arg_max_float32(params: Float32, tensor: Array) -> npt.NDArray[np.int32 | np.int64]:
    """Define the float32 kernel; NaN is never larger, and nothing is larger than a first NaN."""
    numbers = (tensor * np.float32(params.sign)).reshape(params.outer, params.depth, params.inner)
    first = np.where(np.isnan(numbers[:, :1]), np.float32("inf"), numbers[:, :1])
    rest = np.where(np.isnan(numbers[:, 1:]), np.float32("-inf"), numbers[:, 1:])
    return _positions(params, np.concatenate([first, rest], axis=1))


def _positions(params: ArgMax | Float32, numbers: Array) -> npt.NDArray[np.int32 | np.int64]:
    rows = numbers.reshape(params.outer, params.depth, params.inner)
    positions: npt.NDArray[np.int64] = rows.argmax(axis=1).ravel()
    return positions if params.wide else positions.astype(np.int32)
