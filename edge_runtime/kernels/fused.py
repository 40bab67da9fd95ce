"""A product added to a number and rounded once, in NumPy; in C fused.h."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def fused(a: Array, b: Array, c: Array) -> npt.NDArray[np.float32]:
    """Return a * b + c, float32 of shapes that broadcast, rounded once.

    The product is exact in float64, and the error of the sum is known (Knuth's TwoSum). A sum that
    is not exact gets an odd last bit, so that it lies at no half of float32 numbers: then it is
    rounded as the exact one would be.

    Source: Boldo and Melquiond, Emulation of FMA and correctly rounded sums, 2008.
    """
    product = np.multiply(a, b, dtype=np.float64)
    total = np.atleast_1d(product + c)
    part = total - product
    error = (product - (total - part)) + (c - part)
    bits = total.view(np.int64)
    toward = np.where((error > 0) == (total > 0), 1, -1)
    bits += np.where(((error > 0) | (error < 0)) & (bits & 1 == 0), toward, 0)
    return total.astype(np.float32).reshape(product.shape)
