"""ABS of quantised int16 in NumPy, which defines the meaning of the kernel; in C abs.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Rescaled:
    """Parameters of the kernel.

    Attributes:
        multiplier: of the ratio of the scales; see ``quantize_multiplier``.
        shift: of the same.
    """

    count: int
    multiplier: int
    shift: int


def abs_int16_twice(params: Rescaled, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the kernel: the size rescaled, rounded twice.

    Source: AbsEvalQuantized in tensorflow/lite/kernels/elementwise.cc.

    Args:
        tensor: int16 [count].
    """
    size = np.abs(tensor.astype(np.int64))
    scaled = rescale_twice(size, params.multiplier, params.shift)
    # It wraps as int32 does.
    clamped: npt.NDArray[np.int16] = np.clip(scaled.astype(np.int32), -(2**15), 2**15 - 1)
    return clamped.astype(np.int16)
