"""The fused activation of float32 kernels."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def clamped_float32(values: Array, lowest: int, highest: int) -> npt.NDArray[np.float32]:
    """Return float32 values, flat, clamped to bounds that are passed as bits; NaN and -0.0 stay."""
    low, high = np.array([lowest, highest], np.int32).view(np.float32)
    clamped = np.where(values < low, low, np.where(values > high, high, values))
    return clamped.ravel()
