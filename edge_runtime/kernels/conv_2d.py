"""The kernels of CONV_2D in NumPy, which defines their meaning; in C conv_2d.c.

All read the input [batches * height * width * channels], the weights [outputs * window_height *
window_width * depth] and a bias [outputs]. They return the output [batches * output_height *
output_width * outputs], of the input's type. Taps outside of the input count for nothing.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.activation import clamped_float32
from edge_runtime.kernels.fused import fused
from edge_runtime.kernels.hybrid import quantize_hybrid
from edge_runtime.kernels.sums import rounded_once_int16, rounded_to_even, rounded_twice
from edge_runtime.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

Array: TypeAlias = npt.NDArray[Any]


@record
class Conv2D:
    """Parameters of all kernels.

    Channels are ``channels / depth`` groups, and outputs as many. Zero points that a type does not
    have are 0; bounds of float32 are the bits of float32 numbers.
    """

    batches: int
    height: int
    width: int
    channels: int
    output_height: int
    output_width: int
    outputs: int
    depth: int
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


def conv_2d_int8_twice(
    params: Conv2D, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: int32 sums, which wrap, rescaled and rounded twice.

    Args:
        params: of the kernel.
        tensor: int8.
        weights: int8.
        bias: int32.
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Source: ConvPerChannel in tensorflow/lite/kernels/internal/reference/integer_ops/conv.h.
    """
    return rounded_twice(params, _sums(params, tensor, weights) + bias, multiplier, shift, np.int8)


def conv_2d_uint8_twice(
    params: Conv2D, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel: the same, weights with a zero point.

    Source: Conv in tensorflow/lite/kernels/internal/reference/conv.h.
    """
    return rounded_twice(params, _sums(params, tensor, weights) + bias, multiplier, shift, np.uint8)


def conv_2d_int16_twice(
    params: Conv2D, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel with a bias of int32: the same, zero points are 0."""
    return rounded_twice(params, _sums(params, tensor, weights) + bias, multiplier, shift, np.int16)


def conv_2d_int16_once(
    params: Conv2D, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel with a bias of int64: int64 sums, rounded once."""
    with np.errstate(over="ignore"):
        total = _sums(params, tensor, weights) + bias
    return rounded_once_int16(params, total, multiplier, shift)


def conv_2d_int8_float(
    params: Conv2D, tensor: Array, weights: Array, bias: Array, scale: Array
) -> npt.NDArray[np.int8]:
    """Define XNNPACK's int8 kernel: sums by a float32 factor, halves to even.

    Source: the fp32 requantisation of the qs8-qc8w-gemm and -igemm kernels of XNNPACK.
    """
    return rounded_to_even(params, _sums(params, tensor, weights) + bias, scale)


def conv_2d_float32(
    params: Conv2D, tensor: Array, weights: Array, bias: Array
) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: products added one after another, each sum rounded once.

    Then the bias. The order is that of Conv in tensorflow/lite/kernels/internal/reference/conv.h.
    """
    total = np.zeros(_shape(params), np.float32)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for inside, x, w in _taps(params, tensor, weights):
            for k in range(params.depth):
                total = np.where(inside, fused(x[..., k, None], w[..., k], total), total)
        total += bias.view(np.float32).reshape(total.shape[-2:])
    return clamped_float32(total, params.lowest, params.highest)


def conv_2d_hybrid_symmetric(
    params: Conv2D, tensor: Array, weights: Array, bias: Array, scale: Array
) -> npt.NDArray[np.float32]:
    """Define the kernel of weights of one scale: each image quantised, int32 sums, then floats.

    Args:
        params: of the kernel.
        tensor: float32.
        weights: int8.
        bias: float32.
        scale: float32 [outputs], of the weights.

    Source: EvalHybrid in tensorflow/lite/kernels/conv.cc, HybridConv in optimized/optimized_ops.h.
    """
    quantized, steps = quantize_hybrid(tensor.reshape(params.batches, -1), 0)
    sums = _sums(params, quantized, weights).astype(np.float32)
    with np.errstate(all="ignore"):
        total = sums.reshape(params.batches, -1, params.outputs) * (steps[:, None, None] * scale)
        total = total + bias.view(np.float32)
    return clamped_float32(total, params.lowest, params.highest)


def conv_2d_hybrid_asymmetric(
    params: Conv2D, tensor: Array, weights: Array, bias: Array, scale: Array
) -> npt.NDArray[np.float32]:
    """Define the kernel of weights with a scale for each output: images have a zero point.

    Source: HybridConvPerChannel in tensorflow/lite/kernels/internal/reference/conv.h.
    """
    quantized, steps = quantize_hybrid(tensor.reshape(params.batches, -1), 1)
    sums = _sums(params, quantized, weights).astype(np.float32)
    with np.errstate(all="ignore"):
        total = sums.reshape(params.batches, -1, params.outputs) * scale * steps[:, None, None]
        total = total + bias.view(np.float32)
    return clamped_float32(total, params.lowest, params.highest)


def _shape(params: Conv2D) -> tuple[int, ...]:
    """Return the shape of the output, outputs by their groups."""
    groups = params.channels // params.depth
    images = params.batches, params.output_height, params.output_width
    return (*images, groups, params.outputs // groups)


def _taps(params: Conv2D, tensor: Array, weights: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Yield of each tap whether it is inside, its input at each position, and its weights.

    They are [rows, columns, 1, 1], [batches, rows, columns, groups, depth], and [groups, outputs of
    a group, depth].
    """
    p = params
    groups = p.channels // p.depth
    images = tensor.reshape(p.batches, p.height, p.width, groups, p.depth)
    window = weights.reshape(groups, -1, p.window_height, p.window_width, p.depth)
    for tap_row in range(p.window_height):
        rows = np.arange(p.output_height) * p.stride_h - p.top + tap_row * p.dilation_h
        row_inside = (rows >= 0) & (rows < p.height)
        if not row_inside.any():
            continue
        at_rows = images[:, rows.clip(0, p.height - 1)]
        for tap in range(p.window_width):
            columns = np.arange(p.output_width) * p.stride_w - p.left + tap * p.dilation_w
            inside = row_inside[:, None] & (columns >= 0) & (columns < p.width)
            if inside.any():
                x = at_rows[:, :, columns.clip(0, p.width - 1)]
                yield inside[..., None, None], x, window[:, :, tap_row, tap]


def _sums(params: Conv2D, tensor: Array, weights: Array) -> npt.NDArray[np.int64]:
    """Return the exact sums [positions, outputs]: doubles hold all of them."""
    total = np.zeros(_shape(params))
    for inside, x, w in _taps(params, tensor, weights):
        moved = np.where(inside, x.astype(np.float64) - params.input_zero_point, 0)
        shifted = w.astype(np.float64) - params.weights_zero_point
        total += np.einsum("bhwgk,gok->bhwgo", moved, shifted, optimize=True)
    return total.astype(np.int64).reshape(-1, params.outputs)
