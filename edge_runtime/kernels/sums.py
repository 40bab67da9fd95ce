"""Sums of products as outputs: rescaled, with the zero point added, and clamped to the bounds."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_reduced, rescale_twice
from edge_runtime.kernels.activation import clamped

Array: TypeAlias = npt.NDArray[Any]


def wrapped(total: Array) -> npt.NDArray[np.int64]:
    """Return int64 numbers as int32 arithmetic would have them."""
    return total.astype(np.int32).astype(np.int64)


def wide(multiplier: Array, shift: Array) -> tuple[Array, Array]:
    """Return multipliers and shifts as int64, for products with sums."""
    return multiplier.astype(np.int64), shift.astype(np.int64)


def moved(params: Any, scaled: Array, dtype: npt.DTypeLike) -> Array:
    """Return the outputs of rescaled sums; ``params`` has their zero point and bounds."""
    outputs = wrapped(wrapped(scaled) + params.output_zero_point)
    return clamped(outputs, params.lowest, params.highest, dtype)


def rounded_twice(
    params: Any, total: Array, multiplier: Array, shift: Array, dtype: npt.DTypeLike
) -> Array:
    """Return the outputs of sums that wrap to int32, rounded twice."""
    return moved(params, rescale_twice(wrapped(total), *wide(multiplier, shift)), dtype)


def rounded_to_even(params: Any, total: Array, scale: Array) -> npt.NDArray[np.int8]:
    """Return int8 outputs of sums that wrap to int32, by a float32 factor, as XNNPACK does.

    Source: xnn_init_qs8_conv_minmax_params, and the fp32 requantisation of XNNPACK's kernels.
    """
    scaled = wrapped(total).astype(np.float32) * scale
    lowest = np.float32(params.lowest - params.output_zero_point)
    highest = np.float32(params.highest - params.output_zero_point)
    nearest = np.rint(np.clip(scaled, lowest, highest)).astype(np.int64)
    outputs: npt.NDArray[np.int8] = (nearest + params.output_zero_point).astype(np.int8).ravel()
    return outputs


def rounded_once_int16(
    params: Any, total: Array, multiplier: Array, shift: Array
) -> npt.NDArray[np.int16]:
    """Return the int16 outputs of int64 sums by a multiplier of 16 bits, rounded once, halves up.

    Source: MultiplyByQuantizedMultiplier for int64.
    """
    scaled = rescale_reduced(total, *wide(multiplier, shift))
    return clamped(wrapped(scaled), params.lowest, params.highest, np.int16)
