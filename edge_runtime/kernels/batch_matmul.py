"""The kernels of BATCH_MATMUL in NumPy, which defines their meaning; in C batch_matmul.c.

All have two flat inputs, x and y, of the types in their name, and return the flat output, which has
a matrix [rows, columns] for each batch [outer, middle, inner].
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_reduced, rescale_twice
from edge_runtime.kernels.activation import clamped
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Matmul:
    """Parameters of all kernels.

    Attributes:
        outer: batches, in three nested loops, with middle and inner.
        x_outer: elements from a batch of x to the next, 0 where it is the same; with the other two.
        y_outer: likewise of y.
        rows: of the output.
        depth: products of a sum.
        columns: of the output.
        x_row: elements from a row of x to the next.
        x_step: elements from a factor in a row of x to the next.
        transposed: whether y is [columns, depth] and not [depth, columns].
        x_zero_point: 0 but for int8, as y_zero_point is.
        multiplier: from sums to outputs of int8 and int16, with shift; else 0.
        zero_point: of an int8 output.
    """

    outer: int
    middle: int
    inner: int
    x_outer: int
    x_middle: int
    x_inner: int
    y_outer: int
    y_middle: int
    y_inner: int
    rows: int
    depth: int
    columns: int
    x_row: int
    x_step: int
    transposed: int
    x_zero_point: int
    y_zero_point: int
    multiplier: int
    shift: int
    zero_point: int


def batch_matmul_float32(params: Matmul, x: Array, y: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: products added one after another, the bytes of LiteRT."""
    x, y = _matrices(params, x, y)
    total = np.zeros((*x.shape[:-1], params.columns), np.float32)
    with np.errstate(all="ignore"):
        for k in range(params.depth):
            total += x[..., k, None] * y[..., k, None, :]
    return total.ravel()


def batch_matmul_int8_twice(params: Matmul, x: Array, y: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: int32 sums, which wrap, rounded twice.

    Source: BatchMatMul in tensorflow/lite/kernels/internal/reference/batch_matmul.h.
    """
    total = _sums(params, x, y).astype(np.int32).astype(np.int64)
    scaled = rescale_twice(total, params.multiplier, params.shift).astype(np.int32)
    moved = (scaled.astype(np.int64) + params.zero_point).astype(np.int32)
    return clamped(moved, -128, 127, np.int8)


def batch_matmul_int8_int32(params: Matmul, x: Array, y: Array) -> npt.NDArray[np.int32]:
    """Define the kernel from int8 to int32: the sums, which wrap."""
    return _sums(params, x, y).astype(np.int32).ravel()


def batch_matmul_int16_once(params: Matmul, x: Array, y: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: int64 sums, a multiplier of 16 bits, rounded once, halves up."""
    multiplier, shift = np.int64(params.multiplier), np.int64(params.shift)
    scaled = rescale_reduced(_sums(params, x, y), multiplier, shift).astype(np.int32)
    return clamped(scaled, -(2**15), 2**15 - 1, np.int16)


def batch_matmul_int16_int8_once(params: Matmul, x: Array, y: Array) -> npt.NDArray[np.int16]:
    """Define the same with a second input of int8."""
    return batch_matmul_int16_once(params, x, y)


def _sums(params: Matmul, x: Array, y: Array) -> npt.NDArray[np.int64]:
    """Return the sums of products of differences from the zero points."""
    x, y = _matrices(params, x.astype(np.int64), y.astype(np.int64))
    total: npt.NDArray[np.int64] = (x - params.x_zero_point) @ (y - params.y_zero_point)
    return total


def _matrices(params: Matmul, x: Array, y: Array) -> tuple[Array, Array]:
    """Return x [outer, middle, inner, rows, depth] and y [..., depth, columns]."""
    batches = params.outer, params.middle, params.inner
    rows = (params.rows, params.x_row), (params.depth, params.x_step)
    columns = (params.depth, params.columns), (params.columns, 1)
    if params.transposed:
        columns = (params.depth, 1), (params.columns, params.depth)
    x_steps = params.x_outer, params.x_middle, params.x_inner
    y_steps = params.y_outer, params.y_middle, params.y_inner
    return _strided(x, batches, x_steps, rows), _strided(y, batches, y_steps, columns)


def _strided(
    flat: Array,
    batches: tuple[int, ...],
    steps: tuple[int, ...],
    matrix: tuple[tuple[int, int], tuple[int, int]],
) -> Array:
    """Return a view of matrices; ``matrix`` has size and step of either dimension."""
    shape = (*batches, *(size for size, _ in matrix))
    strides = (*steps, *(step for _, step in matrix))
    size = flat.itemsize
    return np.lib.stride_tricks.as_strided(flat, shape, [size * step for step in strides])
