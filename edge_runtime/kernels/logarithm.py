"""The natural logarithm with the same bytes in NumPy and in C on every machine; see exponential."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.exponential import LN_2_HIGH, LN_2_LOW

HALF_SQRT = 0.7071067811865476
TERMS = 11


def log(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return ln(x) of positive, finite and normal numbers: ``k * ln(2) + ln(m)``.

    m is from sqrt(1/2) to sqrt(2), and ln(m) twice the series of the inverse hyperbolic tangent of
    ``(m - 1) / (m + 1)``. Each product and each sum is rounded to double; the error is below 2**-51
    of the result, or of 1 where that is more.
    """
    m, k = np.frexp(x)
    small = m < HALF_SQRT
    m, k = np.where(small, m * 2, m), np.where(small, k - 1, k).astype(np.float64)
    ratio = (m - 1) / (m + 1)
    square = ratio * ratio
    total = np.full_like(square, 1 / (2 * TERMS - 1))
    for n in range(TERMS - 2, -1, -1):
        total = total * square + 1 / (2 * n + 1)
    output: npt.NDArray[np.float64] = k * LN_2_HIGH + (k * LN_2_LOW + 2 * ratio * total)
    return output
