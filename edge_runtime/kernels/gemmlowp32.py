"""gemmlowp's arithmetic of 32 bits on int64 arrays; in C in gemmlowp.h.

The number of a raw one with i integer bits is ``raw * 2**(i - 31)``.

Source: gemmlowp's fixedpoint.h.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice

Array: TypeAlias = npt.NDArray[Any]


def product(a: Any, b: Any) -> Array:
    """Return the product, whose integer bits are those of both."""
    result: Array = rescale_twice(a, b, 0)
    return result


def saturated(values: Array) -> Array:
    """Return numbers clamped to the range of int32."""
    clamped: Array = np.clip(values, -(2**31), 2**31 - 1)
    return clamped


def leading_zeros(values: Array) -> Array:
    """Return how many of 32 bits are 0 above the highest that is 1."""
    zeros: Array = 32 - np.frexp(values.astype(np.float64))[1].astype(np.int64)
    return zeros
