"""The kernels of TOPK_V2 in NumPy, which defines their meaning; in C topk.c.

All have the flat input, [rows * length], and return values and positions, [rows * count].
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class TopK:
    """Parameters of the kernels: ``count`` numbers are taken of each row."""

    rows: int
    length: int
    count: int


def topk_float32(params: TopK, tensor: Array) -> tuple[Array, Array]:
    """Define the float32 kernel; of equal numbers the first comes first, and NaN comes last."""
    return _greatest(params, tensor, -tensor)


def topk_int8(params: TopK, tensor: Array) -> tuple[Array, Array]:
    """Define the int8 kernel."""
    return _greatest(params, tensor, ~tensor)


def topk_uint8(params: TopK, tensor: Array) -> tuple[Array, Array]:
    """Define the uint8 kernel."""
    return _greatest(params, tensor, ~tensor)


def topk_int16(params: TopK, tensor: Array) -> tuple[Array, Array]:
    """Define the int16 kernel."""
    return _greatest(params, tensor, ~tensor)


def topk_int32(params: TopK, tensor: Array) -> tuple[Array, Array]:
    """Define the int32 kernel."""
    return _greatest(params, tensor, ~tensor)


def topk_int64(params: TopK, tensor: Array) -> tuple[Array, Array]:
    """Define the int64 kernel."""
    return _greatest(params, tensor, ~tensor)


def _greatest(params: TopK, tensor: Array, reverse: Array) -> tuple[Array, Array]:
    """Return the values and positions of what is least in ``reverse``."""
    order = reverse.reshape(params.rows, params.length).argsort(axis=1, kind="stable")
    taken = order[:, : params.count]
    values = np.take_along_axis(tensor.reshape(params.rows, params.length), taken, axis=1)
    return values.ravel(), taken.astype(np.int32).ravel()
