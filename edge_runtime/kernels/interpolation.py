"""A table of 513 points, between which is interpolated, in NumPy; in C interpolation.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Interpolation:
    """Parameters of ``interpolation_int16``."""

    count: int


def interpolation_int16(_: Interpolation, tensor: Array, table: Array) -> npt.NDArray[np.int16]:
    """Define the kernel: a straight line between every 128th number; differences and sums wrap.

    Source: LUTLookup in tensorflow/lite/kernels/internal/common.h.

    Args:
        tensor: int16 [count].
        table: int16 [513].
    """
    place = tensor.astype(np.int64) + 2**15
    below = table[place >> 7]
    slope = (table[(place >> 7) + 1] - below).astype(np.int64)
    result: npt.NDArray[np.int16] = (below + ((slope * (place & 127) + 64) >> 7)).astype(np.int16)
    return result
