"""1 / sqrt(x) of whole numbers in NumPy, without floats; in C inverse_root.h."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.gemmlowp32 import leading_zeros, product, saturated

Array: TypeAlias = npt.NDArray[Any]


def inverse_root(total: Array) -> tuple[Array, Array]:
    """Return a multiplier and a shift to the right of 1 / sqrt(total), of int32 numbers.

    Source: GetInvSqrtQuantizedMultiplierExp in tensorflow/lite/kernels/internal: Newton's method
    from 1 on, in 3 integer bits, for an argument of 27 or 28 bits.
    """
    right = np.full_like(total, 11)
    argument = np.maximum(total, 2)
    for _ in range(2):
        large = argument >= 2**29
        right, argument = right + large, np.where(large, argument >> 2, argument)
    pairs = (leading_zeros(argument) - 1) // 2 - 1
    right, argument = right - pairs, argument << 2 * pairs
    x = np.full_like(total, 2**28)
    half = ((argument >> 1) + 1) >> 1
    for _ in range(5):
        cube = saturated(product(product(x, x), x) << 6)
        x = saturated((product(np.int64(2**28 + 2**27), x) - product(half, cube)) << 3)
    x = product(x, np.int64(1518500250))
    x, right = x << np.maximum(-right, 0), np.maximum(right, 0)
    return np.where(total > 1, x, 2**31 - 1), np.where(total > 1, right, 0)
