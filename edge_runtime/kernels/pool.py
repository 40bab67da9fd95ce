"""The kernels of pools in NumPy, which defines their meaning; in C pool.c.

All have an input [batches * height * width * channels] of the type in their name, and return the
output [batches * output_height * output_width * channels] of the same type.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.activation import clamped, clamped_float32
from edge_runtime.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

Array: TypeAlias = npt.NDArray[Any]


@record
class Pool:
    """Parameters of all pools; the bounds of float32 are the bits of float32 numbers."""

    batches: int
    height: int
    width: int
    channels: int
    output_height: int
    output_width: int
    window_height: int
    window_width: int
    stride_h: int
    stride_w: int
    top: int
    left: int
    lowest: int
    highest: int


@record
class PoolRow(Pool):
    """Parameters of pools of which each call reads a row, the number of the row last."""

    row: int


def pool_max_int8(params: Pool, tensor: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel of maxima."""
    return clamped(_largest(params, tensor), params.lowest, params.highest, np.int8)


def pool_max_uint8(params: Pool, tensor: Array) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel of maxima."""
    return clamped(_largest(params, tensor), params.lowest, params.highest, np.uint8)


def pool_max_int16(params: Pool, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel of maxima."""
    return clamped(_largest(params, tensor), params.lowest, params.highest, np.int16)


def _largest(params: Pool, tensor: Array) -> Array:
    return _pooled(params, tensor.astype(np.int64), lambda taps: taps.max(axis=1))


def pool_max_float32(params: Pool, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel of maxima: NaN is passed over; of zeros the first one remains."""

    def largest(taps: Array) -> Array:
        value = np.full_like(taps[:, 0], np.finfo(np.float32).min)
        for tap in range(taps.shape[1]):
            value = np.where(taps[:, tap] > value, taps[:, tap], value)
        return value

    return clamped_float32(_pooled(params, tensor, largest), params.lowest, params.highest)


def pool_average_int8_once(params: Pool, tensor: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel of averages, rounded, halves away from zero."""
    return clamped(_average(params, tensor), params.lowest, params.highest, np.int8)


def pool_average_row_int8_once(params: PoolRow, tensor: Array, sums: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel of averages of all rows, of which each call adds one to the sums.

    Args:
        params: the parameters.
        tensor: a row of the input, [width * channels].
        sums: int32 [output_width * channels], changed in place.
    """
    row = replace(params, height=1, window_height=1, output_height=1)
    totals = _pooled(row, tensor.astype(np.int64), lambda taps: taps.sum(axis=1))
    counts = _pooled(row, np.ones(tensor.shape, np.int64), lambda taps: taps.sum(axis=1))
    sums[:] = totals.ravel() + (sums if params.row else 0)
    averages = _divided(sums.astype(np.int64), counts.ravel() * params.height)
    return clamped(averages, params.lowest, params.highest, np.int8)


def pool_average_uint8_once(params: Pool, tensor: Array) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel of averages, rounded likewise."""
    return clamped(_average(params, tensor), params.lowest, params.highest, np.uint8)


def pool_average_int16_once(params: Pool, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel of averages, rounded likewise."""
    return clamped(_average(params, tensor), params.lowest, params.highest, np.int16)


def _average(params: Pool, tensor: Array) -> Array:
    def average(taps: Array) -> Array:
        return _divided(taps.sum(axis=1), taps.shape[1])

    return _pooled(params, tensor.astype(np.int64), average)


def _divided(total: Array, count: Array | int) -> Array:
    """Return the nearest quotients, halves away from zero."""
    quotient: Array = np.sign(total) * ((np.abs(total) + count // 2) // count)
    return quotient


def pool_average_float32(params: Pool, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel of averages: the sum, row by row, divided by the count."""

    def average(taps: Array) -> Array:
        return _sum(taps) / np.float32(taps.shape[1])

    return clamped_float32(_pooled(params, tensor, average), params.lowest, params.highest)


def pool_l2_float32(params: Pool, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel of the roots of the averages of squares."""

    def root(taps: Array) -> Array:
        result: Array = np.sqrt(_sum(taps * taps) / np.float32(taps.shape[1]))
        return result

    return clamped_float32(_pooled(params, tensor, root), params.lowest, params.highest)


def _sum(taps: Array) -> Array:
    """Return the float32 sums over axis 1, added in order from 0 on."""
    # A running sum adds in order; sum() does not.
    total: Array = np.cumsum(taps + np.float32(0), axis=1, dtype=np.float32)[:, -1]
    return total


def _pooled(params: Pool, tensor: Array, join: Callable[[Array], Array]) -> Array:
    """Return the output of ``join``: [batches, taps inside, channels] to [batches, channels]."""
    p = params
    images = tensor.reshape(p.batches, p.height, p.width, p.channels)
    output = np.empty((p.batches, p.output_height, p.output_width, p.channels), tensor.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for y in range(p.output_height):
            top = y * p.stride_h - p.top
            rows = images[:, max(top, 0) : top + p.window_height]
            for x in range(p.output_width):
                left = x * p.stride_w - p.left
                taps = rows[:, :, max(left, 0) : left + p.window_width]
                output[:, y, x] = join(taps.reshape(p.batches, -1, p.channels))
    return output
