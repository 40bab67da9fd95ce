"""The kernels of TRANSPOSE_CONV in NumPy; in C transpose_conv.c.

Tensors: the input [batches * height * width * channels], weights [outputs * window_height *
window_width * channels], bias [outputs], the constants of each output, and the output [batches *
output_height * output_width * outputs].
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_reduced, rescale_twice
from edge_runtime.kernels.activation import clamped, clamped_float32
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Int8:
    """Parameters of the int8 kernels."""

    batches: int
    height: int
    width: int
    channels: int
    output_height: int
    output_width: int
    outputs: int
    window_height: int
    window_width: int
    stride_h: int
    stride_w: int
    top: int
    left: int
    input_zero_point: int
    output_zero_point: int
    lowest: int
    highest: int


@record
class Uint8:
    """Parameters of ``transpose_conv_uint8_twice``."""

    batches: int
    height: int
    width: int
    channels: int
    output_height: int
    output_width: int
    outputs: int
    window_height: int
    window_width: int
    stride_h: int
    stride_w: int
    top: int
    left: int
    input_zero_point: int
    weights_zero_point: int
    output_zero_point: int
    lowest: int
    highest: int


@record
class Int16:
    """Parameters of the int16 kernels, whose zero points are 0."""

    batches: int
    height: int
    width: int
    channels: int
    output_height: int
    output_width: int
    outputs: int
    window_height: int
    window_width: int
    stride_h: int
    stride_w: int
    top: int
    left: int
    lowest: int
    highest: int


@record
class Float32:
    """Parameters of ``transpose_conv_float32``; the bounds are the bits of float32 numbers."""

    batches: int
    height: int
    width: int
    channels: int
    output_height: int
    output_width: int
    outputs: int
    window_height: int
    window_width: int
    stride_h: int
    stride_w: int
    top: int
    left: int
    lowest: int
    highest: int


def transpose_conv_int8_twice(
    params: Int8, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: int32 sums, which wrap, rescaled and rounded twice.

    Args:
        tensor: int8.
        weights: int8.
        bias: int32.
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Source: TransposeConv in
    tensorflow/lite/kernels/internal/reference/integer_ops/transpose_conv.h.
    """
    x, w = tensor.astype(np.int64) - params.input_zero_point, weights.astype(np.int64)
    total = _narrow(_sums(params, x, w), bias)
    return _int8(params, total, multiplier, shift, np.int8)


def transpose_conv_int8_float(
    params: Int8, tensor: Array, weights: Array, bias: Array, scale: Array
) -> npt.NDArray[np.int8]:
    """Define the same with a float32 factor, rounded to the nearest even, as XNNPACK does.

    Args:
        tensor: int8.
        weights: int8.
        bias: int32.
        scale: float32 [outputs].
    """
    x, w = tensor.astype(np.int64) - params.input_zero_point, weights.astype(np.int64)
    total = _narrow(_sums(params, x, w), bias).astype(np.float32) * scale
    lowest = np.float32(params.lowest - params.output_zero_point)
    highest = np.float32(params.highest - params.output_zero_point)
    rounded = np.rint(np.minimum(np.maximum(total, lowest), highest))
    return (rounded.astype(np.int64) + params.output_zero_point).astype(np.int8).ravel()


def transpose_conv_uint8_twice(
    params: Uint8, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel: as that of int8, with weights that have a zero point.

    Args:
        tensor: uint8.
        weights: uint8.
        bias: int32.
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Source: TransposeConv in tensorflow/lite/kernels/internal/reference/transpose_conv.h.
    """
    x = tensor.astype(np.int64) - params.input_zero_point
    w = weights.astype(np.int64) - params.weights_zero_point
    total = _narrow(_sums(params, x, w), bias)
    return _int8(params, total, multiplier, shift, np.uint8)


def transpose_conv_int16_once(
    params: Int16, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: int64 sums times a multiplier of 16 bits, rounded once, halves up.

    Args:
        tensor: int16.
        weights: int8.
        bias: int64.
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Source: TransposeConv, as of int8, and MultiplyByQuantizedMultiplier for int64.
    """
    with np.errstate(over="ignore"):
        total = _sums(params, tensor.astype(np.int64), weights.astype(np.int64)) + bias
        scaled = rescale_reduced(total, multiplier.astype(np.int64), shift.astype(np.int64))
    return clamped(scaled.astype(np.int32), params.lowest, params.highest, np.int16)


def transpose_conv_int16_narrow_twice(
    params: Int16, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel with an int32 bias: int32 sums, which wrap, rounded twice."""
    total = _narrow(_sums(params, tensor.astype(np.int64), weights.astype(np.int64)), bias)
    scaled = rescale_twice(total, multiplier.astype(np.int64), shift.astype(np.int64))
    return clamped(scaled, params.lowest, params.highest, np.int16)


def transpose_conv_float32(
    params: Float32, tensor: Array, weights: Array, bias: Array
) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: products added one after another, then the bias, each rounded.

    Args:
        tensor: float32.
        weights: float32.
        bias: float32.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        total = _sums(params, tensor, weights) + bias.view(np.float32)
    return clamped_float32(total, params.lowest, params.highest)


def _sums(params: Any, x: Array, w: Array) -> Array:
    """Return the sums [batches, output_height, output_width, outputs], of the type of ``x``.

    In the order of the input's pixels, and for each of them in that of its channels.
    """
    image = x.reshape(params.batches, params.height, params.width, params.channels)
    window = w.reshape(params.outputs, params.window_height, params.window_width, params.channels)
    size = params.output_height, params.output_width
    sums = np.zeros((params.batches, *size, params.outputs), x.dtype)
    for row in reversed(range(params.window_height)):
        start = row - params.top
        from_rows, to_rows = _inside(start, params.stride_h, size[0], params.height)
        for column in reversed(range(params.window_width)):
            start = column - params.left
            from_columns, to_columns = _inside(start, params.stride_w, size[1], params.width)
            pixels, target = image[:, from_rows, from_columns], sums[:, to_rows, to_columns]
            for channel in range(params.channels):
                target += pixels[..., channel, None] * window[:, row, column, channel]
    return sums


def _inside(start: int, stride: int, size: int, count: int) -> tuple[slice, slice]:
    """Return the positions at which a tap lies inside of the output, and where it lies there.

    Args:
        start: where it lies at position 0.
        stride: between two positions.
        size: of the output.
        count: of positions.
    """
    first = max(0, -(start // stride))
    end = max(first, min(count, (size - 1 - start) // stride + 1))
    return slice(first, end), slice(start + first * stride, start + end * stride, stride)


def _narrow(total: Array, bias: Array) -> Array:
    """Return sums with the bias, as int32 arithmetic has them."""
    return (total + bias).astype(np.int32).astype(np.int64)


def _int8(
    params: Any, total: Array, multiplier: Array, shift: Array, dtype: npt.DTypeLike
) -> Array:
    """Return outputs of 8 bits of int32 sums."""
    scaled = rescale_twice(total, multiplier.astype(np.int64), shift.astype(np.int64))
    moved = (scaled + params.output_zero_point).astype(np.int32)
    return clamped(moved, params.lowest, params.highest, dtype)
