"""The kernels of FULLY_CONNECTED in NumPy; in C fully_connected_<type>.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_exact, rescale_once, rescale_twice
from edge_runtime.kernels.activation import clamped, clamped_float32
from edge_runtime.kernels.fused import fused
from edge_runtime.kernels.sums import (
    moved,
    rounded_once_int16,
    rounded_to_even,
    rounded_twice,
    wide,
    wrapped,
)
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]

PART = 128
"""Products of a float32 sum that are added one after another; then their sums. A fixed order gives
the same bytes on every machine, whose vectors are outputs; parts keep deep sums exact, and let a
machine with wide vectors calculate several at once where outputs are few."""


@record
class Int8:
    """Parameters of the int8 kernels."""

    rows: int
    depth: int
    outputs: int
    output_zero_point: int
    lowest: int
    highest: int


@record
class Int16:
    """Parameters of the int16 kernels, whose zero points are 0."""

    rows: int
    depth: int
    outputs: int
    lowest: int
    highest: int


@record
class Float32:
    """Parameters of ``fully_connected_float32``; the bounds are the bits of float32 numbers."""

    rows: int
    depth: int
    outputs: int
    lowest: int
    highest: int


def fully_connected_int8_once(
    params: Int8,
    tensor: Array,
    weights: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: int32 sums, one rounding, halves up.

    Args:
        tensor: int8 [rows * depth].
        weights: int8 [outputs * depth].
        bias: int32 [outputs], the input's zero point folded in.
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Source: reference_integer_ops::FullyConnected, and MultiplyByQuantizedMultiplier with
    TFLITE_SINGLE_ROUNDING.
    """
    total = wrapped(_sums(params, tensor, weights, bias))
    return moved(params, rescale_once(total, *wide(multiplier, shift)), np.int8)


def fully_connected_int8_twice(
    params: Int8,
    tensor: Array,
    weights: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
) -> npt.NDArray[np.int8]:
    """Define the same with two roundings, as TFLite Micro and CMSIS-NN do."""
    total = _sums(params, tensor, weights, bias)
    return rounded_twice(params, total, multiplier, shift, np.int8)


def fully_connected_int8_float(
    params: Int8, tensor: Array, weights: Array, bias: Array, scale: Array
) -> npt.NDArray[np.int8]:
    """Define the same with a float32 factor, rounded to the nearest even, as XNNPACK does.

    Args:
        tensor: int8 [rows * depth].
        weights: int8 [outputs * depth].
        bias: int32 [outputs], the input's zero point folded in.
        scale: float32 [outputs].

    Source: the qs8-gemm kernels of XNNPACK.
    """
    return rounded_to_even(params, _sums(params, tensor, weights, bias), scale)


def fully_connected_int16_once(
    params: Int16,
    tensor: Array,
    weights: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: int64 sums, each times a double, halves away from zero.

    Args:
        tensor: int16 [rows * depth].
        weights: int8 [outputs * depth].
        bias: int64 [outputs].
        multiplier: int64 [outputs], see ``exact_multiplier``.
        shift: int32 [outputs], of the same.

    Source: ``round`` of a product of doubles in reference_integer_ops::FullyConnected. A sum counts
    up to 2**53 - 1, which only the bias of a damaged file exceeds.
    """
    return _int16(params, rescale_exact(_sums(params, tensor, weights, bias), multiplier, shift))


def fully_connected_int16_reduced_once(
    params: Int16,
    tensor: Array,
    weights: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
) -> npt.NDArray[np.int16]:
    """Define the same with an int32 multiplier rounded to 16 bits, as TFLite Micro and CMSIS-NN do.

    It rounds once, halves up.

    Source: MultiplyByQuantizedMultiplier for int64 of TFLite Micro.
    """
    total = _sums(params, tensor, weights, bias)
    return rounded_once_int16(params, total, multiplier, shift)


def fully_connected_int16_narrow_once(
    params: Int16,
    tensor: Array,
    weights: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel with an int32 bias: the same with int32 sums, which wrap."""
    total = wrapped(_sums(params, tensor, weights, bias))
    return _int16(params, rescale_exact(total, multiplier, shift))


def fully_connected_int16_narrow_twice(
    params: Int16,
    tensor: Array,
    weights: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
) -> npt.NDArray[np.int16]:
    """Define the same with an int32 multiplier and two roundings."""
    total = wrapped(_sums(params, tensor, weights, bias))
    return _int16(params, rescale_twice(total, *wide(multiplier, shift)))


def fully_connected_float32(
    params: Float32, tensor: Array, weights: Array, bias: Array
) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: sums of PART products, each rounded once, then the sum of those.

    The error of a sum is at most (PART + depth / PART + 1) * 2**-24 * sum(|x * w|).

    Args:
        tensor: float32 [rows * depth].
        weights: float32 [outputs * depth].
        bias: float32 [outputs].
    """
    x = tensor.reshape(params.rows, 1, -1)
    w = weights.reshape(1, params.outputs, -1)
    total: npt.NDArray[np.float32] | None = None
    for start in range(0, params.depth, PART):
        part = np.zeros((params.rows, params.outputs), np.float32)
        for k in range(start, min(start + PART, params.depth)):
            part = fused(x[..., k], w[..., k], part)
        total = part if total is None else total + part
    assert total is not None
    return clamped_float32(total + bias.view(np.float32), params.lowest, params.highest)


def _sums(params: Any, tensor: Array, weights: Array, bias: Array) -> npt.NDArray[np.int64]:
    """Return the int64 sums [rows, outputs]."""
    x = tensor.reshape(params.rows, params.depth).astype(np.int64)
    w = weights.reshape(params.outputs, params.depth).astype(np.int64)
    with np.errstate(over="ignore"):
        total: npt.NDArray[np.int64] = x @ w.T + bias
    return total


def _int16(params: Int16, scaled: Array) -> npt.NDArray[np.int16]:
    return clamped(wrapped(scaled), params.lowest, params.highest, np.int16)
