"""The kernels of DEPTHWISE_CONV_2D in NumPy; in C depthwise_conv_2d.c.

Tensors: the input [batches * height * width * channels], weights [window_height * window_width *
outputs], bias [outputs], where there are channels * multiplier outputs; then the constants of each
output, and the output [batches * output_height * output_width * outputs].
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.activation import clamped_float32
from edge_runtime.kernels.fused import fused
from edge_runtime.kernels.hybrid import quantize_hybrid
from edge_runtime.kernels.sums import rounded_once_int16, rounded_to_even, rounded_twice
from edge_runtime.kernels.window import inside
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Int8:
    """Parameters of the int8 kernels."""

    batches: int
    height: int
    width: int
    channels: int
    multiplier: int
    output_height: int
    output_width: int
    window_height: int
    window_width: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    top: int
    left: int
    input_zero_point: int
    output_zero_point: int
    lowest: int
    highest: int


@record
class Uint8:
    """Parameters of ``depthwise_conv_2d_uint8_twice``."""

    batches: int
    height: int
    width: int
    channels: int
    multiplier: int
    output_height: int
    output_width: int
    window_height: int
    window_width: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    top: int
    left: int
    input_zero_point: int
    weights_zero_point: int
    output_zero_point: int
    lowest: int
    highest: int


@record
class Int16:
    """Parameters of ``depthwise_conv_2d_int16_once``, whose zero points are 0."""

    batches: int
    height: int
    width: int
    channels: int
    multiplier: int
    output_height: int
    output_width: int
    window_height: int
    window_width: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    top: int
    left: int
    lowest: int
    highest: int


@record
class Float32:
    """Parameters of the kernels of float32; the bounds are the bits of float32 numbers."""

    batches: int
    height: int
    width: int
    channels: int
    multiplier: int
    output_height: int
    output_width: int
    window_height: int
    window_width: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    top: int
    left: int
    lowest: int
    highest: int


def depthwise_conv_2d_int8_twice(
    params: Int8, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: int32 sums, which wrap, rescaled and rounded twice.

    Args:
        tensor: int8.
        weights: int8.
        bias: int32.
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Source: DepthwiseConvPerChannel in
    tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h.
    """
    x, w = tensor.astype(np.int64) - params.input_zero_point, weights.astype(np.int64)
    return rounded_twice(params, _sums(params, x, w) + bias, multiplier, shift, np.int8)


def depthwise_conv_2d_int8_float(
    params: Int8, tensor: Array, weights: Array, bias: Array, scale: Array
) -> npt.NDArray[np.int8]:
    """Define the same with a float32 factor, rounded to the nearest even, as XNNPACK does.

    Args:
        tensor: int8.
        weights: int8.
        bias: int32.
        scale: float32 [outputs].

    Source: src/qs8-dwconv of XNNPACK.
    """
    x, w = tensor.astype(np.int64) - params.input_zero_point, weights.astype(np.int64)
    return rounded_to_even(params, _sums(params, x, w) + bias, scale)


def depthwise_conv_2d_uint8_twice(
    params: Uint8, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel: as that of int8, with weights that have a zero point.

    Args:
        tensor: uint8.
        weights: uint8.
        bias: int32.
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Source: tensorflow/lite/kernels/internal/reference/depthwiseconv_uint8.h.
    """
    x = tensor.astype(np.int64) - params.input_zero_point
    w = weights.astype(np.int64) - params.weights_zero_point
    return rounded_twice(params, _sums(params, x, w) + bias, multiplier, shift, np.uint8)


def depthwise_conv_2d_int16_once(
    params: Int16, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: int64 sums times a multiplier of 16 bits, rounded once, halves up.

    Args:
        tensor: int16.
        weights: int8.
        bias: int64.
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Source: DepthwiseConvPerChannel, and MultiplyByQuantizedMultiplier for int64.
    """
    with np.errstate(over="ignore"):
        total = _sums(params, tensor.astype(np.int64), weights.astype(np.int64)) + bias
        return rounded_once_int16(params, total, multiplier, shift)


def depthwise_conv_2d_float32(
    params: Float32, tensor: Array, weights: Array, bias: Array
) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: products added one after another, each sum rounded once.

    Then the bias.

    Args:
        tensor: float32.
        weights: float32.
        bias: float32.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        total = _sums(params, tensor, weights) + bias.view(np.float32)
    return clamped_float32(total, params.lowest, params.highest)


def depthwise_conv_2d_hybrid(
    params: Float32, tensor: Array, weights: Array, bias: Array, scale: Array
) -> npt.NDArray[np.float32]:
    """Define the kernel of int8 weights: each image quantised, int32 sums, then floats.

    Args:
        tensor: float32.
        weights: int8.
        bias: float32.
        scale: float32 [outputs], of the weights.

    Source: DepthwiseConvHybridPerChannel in
    tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h.
    """
    quantized, steps = quantize_hybrid(tensor.reshape(params.batches, -1), 1)
    sums = _sums(params, quantized, weights.astype(np.int64)).astype(np.float32)
    with np.errstate(all="ignore"):
        total = sums * (scale * steps[:, None, None, None]) + bias.view(np.float32)
    return clamped_float32(total, params.lowest, params.highest)


def _sums(params: Any, x: Array, w: Array) -> Array:
    """Return the sums [batches, output_height, output_width, outputs], of the type of ``x``.

    Taps outside of the image add nothing; the others are added row by row.
    """
    image = x.reshape(params.batches, params.height, params.width, params.channels)
    image = np.repeat(image, params.multiplier, axis=3)
    taps = w.reshape(params.window_height, params.window_width, -1)
    size = params.output_height, params.output_width
    sums = np.zeros((params.batches, *size, taps.shape[2]), x.dtype)
    for row in range(params.window_height):
        start = row * params.dilation_h - params.top
        to_rows, from_rows = inside(start, params.stride_h, params.height, size[0])
        for column in range(params.window_width):
            start = column * params.dilation_w - params.left
            to_columns, from_columns = inside(start, params.stride_w, params.width, size[1])
            x, tap = image[:, from_rows, from_columns], taps[row, column]
            sum_ = sums[:, to_rows, to_columns]
            sum_[...] = fused(x, tap, sum_) if x.dtype == np.float32 else sum_ + x * tap
    return sums
