"""The kernels of TRANSPOSE_CONV in NumPy; in C transpose_conv.c.

Tensors: the input [batches * height * width * channels], weights [outputs * window_height *
window_width * channels], bias [outputs], the constants of each output, and the output [batches *
output_height * output_width * outputs].
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.activation import clamped_float32
from edge_runtime.kernels.sums import rounded_once_int16, rounded_to_even, rounded_twice
from edge_runtime.kernels.window import inside
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class TransposeConv:
    """Parameters of all kernels.

    Zero points that a type does not have are 0; bounds of float32 are the bits of float32 numbers.
    """

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


def transpose_conv_int8_twice(
    params: TransposeConv,
    tensor: Array,
    weights: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
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
    return rounded_twice(params, _sums(params, x, w) + bias, multiplier, shift, np.int8)


def transpose_conv_int8_float(
    params: TransposeConv, tensor: Array, weights: Array, bias: Array, scale: Array
) -> npt.NDArray[np.int8]:
    """Define the same with a float32 factor, rounded to the nearest even, as XNNPACK does.

    Args:
        tensor: int8.
        weights: int8.
        bias: int32.
        scale: float32 [outputs].
    """
    x, w = tensor.astype(np.int64) - params.input_zero_point, weights.astype(np.int64)
    return rounded_to_even(params, _sums(params, x, w) + bias, scale)


def transpose_conv_uint8_twice(
    params: TransposeConv,
    tensor: Array,
    weights: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
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
    return rounded_twice(params, _sums(params, x, w) + bias, multiplier, shift, np.uint8)


def transpose_conv_int16_once(
    params: TransposeConv,
    tensor: Array,
    weights: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: int64 sums times a multiplier of 16 bits, rounded once, halves up.

    Args:
        tensor: int16.
        weights: int8.
        bias: int64.
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Source: TransposeConv, as of int8.
    """
    with np.errstate(over="ignore"):
        total = _sums(params, tensor.astype(np.int64), weights.astype(np.int64)) + bias
        return rounded_once_int16(params, total, multiplier, shift)


def transpose_conv_int16_narrow_twice(
    params: TransposeConv,
    tensor: Array,
    weights: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel with an int32 bias: int32 sums, which wrap, rounded twice."""
    total = _sums(params, tensor.astype(np.int64), weights.astype(np.int64)) + bias
    return rounded_twice(params, total, multiplier, shift, np.int16)


def transpose_conv_float32(
    params: TransposeConv, tensor: Array, weights: Array, bias: Array
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


def _sums(params: TransposeConv, x: Array, w: Array) -> Array:
    """Return the sums [batches, output_height, output_width, outputs], of the type of ``x``.

    In the order of the input's pixels, and for each of them in that of its channels.
    """
    image = x.reshape(params.batches, params.height, params.width, params.channels)
    window = w.reshape(params.outputs, params.window_height, params.window_width, params.channels)
    size = params.output_height, params.output_width
    sums = np.zeros((params.batches, *size, params.outputs), x.dtype)
    for row in reversed(range(params.window_height)):
        start = row - params.top
        from_rows, to_rows = inside(start, params.stride_h, size[0], params.height)
        for column in reversed(range(params.window_width)):
            start = column - params.left
            from_columns, to_columns = inside(start, params.stride_w, size[1], params.width)
            pixels, target = image[:, from_rows, from_columns], sums[:, to_rows, to_columns]
            for channel in range(params.channels):
                target += pixels[..., channel, None] * window[:, row, column, channel]
    return sums
