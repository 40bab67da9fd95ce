"""Integers from one scale to another, in NumPy; in C requantize.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Requantize:
    """Parameters of the kernels.

    Attributes:
        multiplier: of the ratio of the scales; see ``quantize_multiplier``.
        shift: of the same.
        zero_point: of the output; the input's is 0.
        lowest: lower bound of the output.
        highest: upper bound.
    """

    count: int
    multiplier: int
    shift: int
    zero_point: int
    lowest: int
    highest: int


def _requantized(params: Requantize, tensor: Array) -> Array:
    """Return int32 values in int64."""
    scaled = rescale_twice(tensor.astype(np.int64), params.multiplier, params.shift)
    # Sums wrap as int32 does.
    moved = (scaled + params.zero_point).astype(np.int32)
    clamped: Array = np.clip(moved, params.lowest, params.highest)
    return clamped


def requantize_int16_twice(params: Requantize, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the kernel: rounded twice, halves away from zero.

    Source: reference_ops::Requantize and MultiplyByQuantizedMultiplier of TFLite without
    TFLITE_SINGLE_ROUNDING.

    Args:
        tensor: int16 [count].
    """
    return _requantized(params, tensor).astype("int16")


def requantize_int16_int8_twice(params: Requantize, tensor: Array) -> npt.NDArray[np.int8]:
    """Define the kernel: the same, for another type of the output.

    Args:
        tensor: int16 [count].
    """
    return _requantized(params, tensor).astype("int8")


def requantize_int16_int32_twice(params: Requantize, tensor: Array) -> npt.NDArray[np.int32]:
    """Define the kernel: the same, for other types.

    Args:
        tensor: int16 [count].
    """
    return _requantized(params, tensor).astype("int32")


def requantize_int32_int8_twice(params: Requantize, tensor: Array) -> npt.NDArray[np.int8]:
    """Define the kernel: the same, for other types.

    Args:
        tensor: int32 [count].
    """
    return _requantized(params, tensor).astype("int8")


def requantize_int32_int16_twice(params: Requantize, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the kernel: the same, for other types.

    Args:
        tensor: int32 [count].
    """
    return _requantized(params, tensor).astype("int16")
