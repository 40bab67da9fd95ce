"""The bounds of a kernel's output."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.float_bits import float32_of

Array: TypeAlias = npt.NDArray[Any]


def clamped(values: Array, lowest: int, highest: int, dtype: npt.DTypeLike) -> Array:
    """Return integers clamped to bounds, as a flat array of a type that holds these."""
    return np.clip(values, lowest, highest).astype(dtype).ravel()


def clamped_int64(values: Array, lowest: int, highest: int) -> npt.NDArray[np.int64]:
    """Return int64 values clamped to bounds; the extremes of int32 stand for none."""
    limits = np.iinfo(np.int32)
    low = np.iinfo(np.int64).min if lowest == limits.min else lowest
    high = np.iinfo(np.int64).max if highest == limits.max else highest
    return clamped(values, low, high, np.int64)


def clamped_float32(values: Array, lowest: int, highest: int) -> npt.NDArray[np.float32]:
    """Return float32 values, flat, clamped to bounds that are passed as bits; NaN and -0.0 stay."""
    low, high = float32_of(lowest), float32_of(highest)
    return np.where(values < low, low, np.where(values > high, high, values)).ravel()
