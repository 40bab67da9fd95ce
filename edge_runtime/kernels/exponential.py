"""exp with the same bytes in NumPy and in C on every machine, unlike that of libraries."""

from __future__ import annotations

from math import factorial

import numpy as np
import numpy.typing as npt

LOG2_E = 1.4426950408889634
LN_2_HIGH, LN_2_LOW = 0.6931471803691238, 1.9082149292705877e-10
"""ln 2 as a double with 32 bits of mantissa, whose products with small whole numbers are exact, and
the rest. Source: fdlibm, e_exp.c."""
TERMS = 13


def exp(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return e**x: ``2**k * e**r`` with ``|r| <= ln(2) / 2``, e**r by its Taylor series.

    Each product and each sum is rounded to double. The error is below 2**-51 of the result, so that
    rounding it to float32 is nearly always correct. x is clamped to [-708, 709], outside of which
    a float32 is 0 or infinity; NaN counts as -708.
    """
    x = np.where(x > -708, np.where(x < 709, x, 709), -708)
    power = np.trunc(x * LOG2_E + np.where(x < 0, -0.5, 0.5))
    r = (x - power * LN_2_HIGH) - power * LN_2_LOW
    total = np.full_like(x, 1 / factorial(TERMS - 1))
    for n in range(TERMS - 2, -1, -1):
        total = total * r + 1 / factorial(n)
    scaled: npt.NDArray[np.float64] = np.ldexp(total, power.astype(np.int32))
    return scaled
