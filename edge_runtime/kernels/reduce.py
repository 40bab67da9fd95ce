"""The kernels of reductions in NumPy, which defines their meaning; in C reduce.c.

All have an input of the type in their name and the loops, int32 [2 * 2 * LOOPS]; see
``ops.reduce``. They return the flat output, [outer * inner], of the input's type.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_reduced, rescale_twice
from edge_runtime.kernels.float_bits import float32_of
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Loops:
    """Parameters of products that are not rescaled; the other records begin likewise.

    Attributes:
        outer: rows of the output.
        inner: numbers of a row, which are neighbours in the input, too.
        depth: runs of numbers that are joined, for each output.
        run: numbers of a run.
        stride: between two of them.
    """

    outer: int
    inner: int
    depth: int
    run: int
    stride: int


@record
class Max:
    """Parameters of integer maxima; ``flip`` has the bits that are flipped before and behind."""

    outer: int
    inner: int
    depth: int
    run: int
    stride: int
    flip: int


@record
class MaxFloat:
    """Parameters of float32 maxima: a sign, and the bits of the number that all are above."""

    outer: int
    inner: int
    depth: int
    run: int
    stride: int
    sign: int
    start: int


@record
class Sum:
    """Parameters of integer sums that are divided by a count."""

    outer: int
    inner: int
    depth: int
    run: int
    stride: int
    count: int


@record
class SumFloat:
    """Parameters of float32 sums; ``start``, the bits of a zero, is what they begin with."""

    outer: int
    inner: int
    depth: int
    run: int
    stride: int
    count: int
    start: int


@record
class Rescaled:
    """Parameters of sums that are rescaled; ``flip`` has the bits that are flipped before."""

    outer: int
    inner: int
    depth: int
    run: int
    stride: int
    flip: int
    offset: int
    multiplier: int
    shift: int
    zero_point: int
    lowest: int
    highest: int


@record
class Product:
    """Parameters of products that are rescaled."""

    outer: int
    inner: int
    depth: int
    run: int
    stride: int
    input_zero_point: int
    multiplier: int
    shift: int
    zero_point: int


def reduce_max_int8(params: Max, tensor: Array, loops: Array) -> Array:
    """Define the kernel for bytes, read as int8: of numbers with bits flipped the largest.

    With all bits flipped that is the least, and with the highest one uint8 is in int8's order.
    """
    return _largest(params, tensor.view(np.int8), loops).view(tensor.dtype)


def reduce_max_int16(params: Max, tensor: Array, loops: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: the same."""
    return _largest(params, tensor, loops)


def reduce_max_int32(params: Max, tensor: Array, loops: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel: the same."""
    return _largest(params, tensor, loops)


def reduce_max_int64(params: Max, tensor: Array, loops: Array) -> npt.NDArray[np.int64]:
    """Define the int64 kernel: the same."""
    return _largest(params, tensor, loops)


def _largest(params: Max, tensor: Array, loops: Array) -> Array:
    flip = tensor.dtype.type(params.flip)
    largest: Array = ((_taps(params, tensor, loops) ^ flip).max(axis=1) ^ flip).ravel()
    return largest


def reduce_max_float32(params: MaxFloat, tensor: Array, loops: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: times the sign, the largest, or the first of equal ones.

    NaN and what is not above the start are passed over.
    """
    taps = _taps(params, tensor, loops) * np.float32(params.sign)
    taps = np.where(np.isnan(taps), np.float32("-inf"), taps)
    start = float32_of(params.start)
    largest = np.take_along_axis(taps, taps.argmax(axis=1, keepdims=True), axis=1)
    result: Array = (np.where(largest > start, largest, start) * np.float32(params.sign)).ravel()
    return result


def reduce_sum_int8_twice(params: Rescaled, tensor: Array, loops: Array) -> Array:
    """Define the kernel for bytes, read as int8 with bits flipped: the sum, rescaled.

    Source: QuantizedMeanOrSum in tensorflow/lite/kernels/internal/reference/reduce.h.
    """
    return _rescaled(params, tensor.view(np.int8), loops).astype(tensor.dtype)


def reduce_sum_int16_twice(params: Rescaled, tensor: Array, loops: Array) -> Array:
    """Define the int16 kernel: the same."""
    return _rescaled(params, tensor, loops).astype(np.int16)


def _rescaled(params: Rescaled, tensor: Array, loops: Array) -> Array:
    flipped = _taps(params, tensor, loops) ^ tensor.dtype.type(params.flip)
    # Sums wrap as int32 does.
    total = (flipped.sum(axis=1, dtype=np.int64) + params.offset).astype(np.int32)
    moved = rescale_twice(total.astype(np.int64), params.multiplier, params.shift)
    output: Array = (moved + params.zero_point).astype(np.int32)
    return np.clip(output, params.lowest, params.highest).ravel()


def reduce_sum_int32(params: Sum, tensor: Array, loops: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel: the sum over the count, rounded towards zero, which wraps."""
    return _quotient(params, tensor, loops).astype(np.int32)


def reduce_sum_int64(params: Sum, tensor: Array, loops: Array) -> npt.NDArray[np.int64]:
    """Define the int64 kernel: the sum, which wraps, over the count, rounded towards zero."""
    return _quotient(params, tensor, loops)


def _quotient(params: Sum, tensor: Array, loops: Array) -> Array:
    total = _taps(params, tensor, loops).sum(axis=1, dtype=np.int64).ravel()
    whole = total // params.count
    quotient: Array = whole + ((total < 0) & (whole * params.count != total))
    return quotient


def reduce_sum_float32(params: SumFloat, tensor: Array, loops: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the sum, in the input's order, divided by the count."""
    taps = _taps(params, tensor, loops)
    taps[:, 0] += float32_of(params.start)
    with np.errstate(over="ignore", invalid="ignore"):
        # A running sum adds in order; sum() does not.
        total = np.cumsum(taps, axis=1, dtype=np.float32)[:, -1]
        average: Array = (total / np.float32(params.count)).ravel()
    return average


def reduce_prod_int32(params: Loops, tensor: Array, loops: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel of products, which wrap."""
    product: Array = _taps(params, tensor, loops).prod(axis=1, dtype=np.int64).ravel()
    return product.astype(np.int32)


def reduce_prod_int64(params: Loops, tensor: Array, loops: Array) -> npt.NDArray[np.int64]:
    """Define the int64 kernel of products, which wrap."""
    product: Array = _taps(params, tensor, loops).prod(axis=1, dtype=np.int64).ravel()
    return product


def reduce_prod_float32(params: Loops, tensor: Array, loops: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel of products, in the input's order."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        taps = _taps(params, tensor, loops)
        product: Array = np.cumprod(taps, axis=1, dtype=np.float32)[:, -1].ravel()
    return product


def reduce_prod_int8_once(params: Product, tensor: Array, loops: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel of products: each is rescaled and rounded, halves up.

    Source: QuantizedReduceProd in tensorflow/lite/kernels/internal/reference/reduce.h.
    """
    return _rescaled_product(params, tensor, loops).astype(np.int8)


def reduce_prod_int16_once(params: Product, tensor: Array, loops: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel of products: the same."""
    return _rescaled_product(params, tensor, loops).astype(np.int16)


def _rescaled_product(params: Product, tensor: Array, loops: Array) -> Array:
    taps = _taps(params, tensor, loops).astype(np.int64) - params.input_zero_point
    product = taps[:, 0]
    ones = np.ones_like(product)
    for tap in range(1, taps.shape[1] + 1):
        product = product * (taps[:, tap] if tap < taps.shape[1] else ones)
        # What leaves int32 wraps.
        scaled: Array = rescale_reduced(product, params.multiplier, params.shift)
        product = scaled.astype(np.int32).astype(np.int64)
    limits = np.iinfo(tensor.dtype)
    output = (product + params.zero_point).astype(np.int32)
    return np.clip(output, limits.min, limits.max).ravel()


def _taps(params: Any, tensor: Array, loops: Array) -> Array:
    """Return [outer, depth * run, inner], a copy: what is joined along the middle."""
    kept, reduced = loops.reshape(2, 2, -1)
    rows = _offsets(kept, params.outer)
    runs = _offsets(reduced, params.depth)
    taps = (runs[:, None] + np.arange(params.run) * params.stride).ravel()
    index = rows[:, None, None] + taps[:, None] + np.arange(params.inner)
    picked: Array = tensor[index]
    return picked


def _offsets(loops: Array, count: int) -> Array:
    """Return where each of ``count`` iterations of nested loops starts; loop 0 is the outermost."""
    sizes, strides = loops.astype(np.int64)
    index = np.arange(count)
    offsets = np.zeros(count, np.int64)
    for size, stride in zip(sizes[:0:-1], strides[:0:-1], strict=True):
        offsets += index % size * stride
        index //= size
    result: Array = offsets + index * strides[0]
    return result
