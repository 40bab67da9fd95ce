"""HARD_SWISH of float32 in NumPy, which defines the meaning of the kernel; in C hard_swish.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.unary import Count

Array: TypeAlias = npt.NDArray[Any]


def hard_swish_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the kernel: ``x * min(max(x + 3, 0), 6) / 6``, LiteRT's bytes.

    Source: HardSwish in tensorflow/lite/kernels/internal/reference/hard_swish.h.

    Args:
        tensor: float32 [count].
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        moved = tensor + np.float32(3)
        positive = np.where(moved > 0, moved, np.float32(0))
        share = np.where(positive < 6, positive, np.float32(6))
        result: Array = tensor * share / np.float32(6)
    return result
