"""The kernels of FULLY_CONNECTED of weights that have a zero point or are computed, in NumPy."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_once
from edge_runtime.kernels.activation import clamped_float32
from edge_runtime.kernels.sums import moved, rounded_twice, wide, wrapped
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Offset:
    """Parameters of the integer kernels."""

    rows: int
    depth: int
    outputs: int
    input_zero_point: int
    weights_zero_point: int
    output_zero_point: int
    lowest: int
    highest: int


@record
class Computed:
    """Parameters of ``fully_connected_offset_float32``; the bounds are bits of float32 numbers."""

    rows: int
    depth: int
    outputs: int
    lowest: int
    highest: int


def fully_connected_offset_uint8_once(
    params: Offset, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel: int32 sums that wrap, rounded once, halves up.

    Args:
        tensor: uint8 [rows * depth].
        weights: uint8 [outputs * depth].
        bias: int32 [outputs].
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Source: FullyConnected in tensorflow/lite/kernels/internal/reference/fully_connected.h.
    """
    scaled = rescale_once(_sums(params, tensor, weights, bias), *wide(multiplier, shift))
    return moved(params, scaled, np.uint8)


def fully_connected_offset_int8_once(
    params: Offset, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: the same, of weights that may be computed."""
    scaled = rescale_once(_sums(params, tensor, weights, bias), *wide(multiplier, shift))
    return moved(params, scaled, np.int8)


def fully_connected_offset_int8_twice(
    params: Offset, tensor: Array, weights: Array, bias: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.int8]:
    """Define the same, rounded twice as TFLite Micro does."""
    total = _sums(params, tensor, weights, bias)
    return rounded_twice(params, total, multiplier, shift, np.int8)


def fully_connected_offset_float32(
    params: Computed, tensor: Array, weights: Array, bias: Array
) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: products added one after another, as LiteRT does.

    Args:
        tensor: float32 [rows * depth].
        weights: float32 [outputs * depth], which may be computed.
        bias: float32 [outputs].
    """
    x, w = tensor.reshape(params.rows, -1), weights.reshape(params.outputs, -1)
    total = np.zeros((params.rows, params.outputs), np.float32)
    with np.errstate(all="ignore"):
        for k in range(params.depth):
            total += x[:, k, None] * w[:, k]
        total += bias.view(np.float32)
    return clamped_float32(total, params.lowest, params.highest)


def _sums(params: Offset, tensor: Array, weights: Array, bias: Array) -> npt.NDArray[np.int64]:
    """Return sums of differences from the zero points, wrapped to int32, as int64."""
    x = tensor.reshape(params.rows, params.depth).astype(np.int64) - params.input_zero_point
    w = weights.reshape(params.outputs, params.depth).astype(np.int64) - params.weights_zero_point
    return wrapped(x @ w.T + bias)
