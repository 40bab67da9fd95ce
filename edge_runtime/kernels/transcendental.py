"""EXP, LOG, SIN and COS of float32 in NumPy, which defines their meaning; in C transcendental.c.

They are calculated in double and rounded once: the error is below 0.501 ulp.
"""

from __future__ import annotations

from math import factorial, pi
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels import exponential, logarithm
from edge_runtime.kernels.unary import Count

Array: TypeAlias = npt.NDArray[Any]

SINE = [(-1) ** n / factorial(2 * n + 1) for n in range(7)]
COSINE = [(-1) ** n / factorial(2 * n) for n in range(7)]
"""Taylor series in x**2, of sine divided by x."""


def transcendental_exp_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define EXP; NaN stays.

    Args:
        tensor: float32 [count].
    """
    with np.errstate(over="ignore", under="ignore"):
        power = exponential.exp(tensor.astype(np.float64)).astype(np.float32)
    return np.where(np.isnan(tensor), tensor, power)


def transcendental_log_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define LOG: minus infinity for 0, NaN below.

    Args:
        tensor: float32 [count].
    """
    positive = (tensor > 0) & (tensor < np.inf)
    usual = np.where(positive, tensor, 1).astype(np.float64)
    special = np.where(tensor > 0, tensor, np.float32(np.nan))
    special = np.where(tensor == 0, np.float32(-np.inf), special)
    return np.where(positive, logarithm.log(usual).astype(np.float32), special)


def transcendental_sin_float32(_: Count, tensor: Array, table: Array) -> npt.NDArray[np.float32]:
    """Define SIN; NaN for infinity.

    Args:
        tensor: float32 [count].
        table: int32 [8], 32 zeros and the first 224 bits of 2 / pi behind its point.
    """
    return _sine(tensor, 0, table)


def transcendental_cos_float32(_: Count, tensor: Array, table: Array) -> npt.NDArray[np.float32]:
    """Define COS; NaN for infinity.

    Args:
        tensor: float32 [count].
        table: int32 [8], as of ``transcendental_sin_float32``.
    """
    return _sine(tensor, 1, table)


def _sine(tensor: Array, quarters: int, table: Array) -> npt.NDArray[np.float32]:
    """Return sin(x + quarters * pi / 2), of which what is above pi / 4 is reduced exactly.

    ``|x| * 2 / pi`` is calculated in units of 2**-62, less multiples of 4, of the mantissa and
    those 96 bits of 2 / pi that matter for an exponent. Source: Payne and Hanek, "Radian Reduction
    for Trigonometric Functions", 1983.
    """
    size = tensor.view(np.uint32) & 0x7FFFFFFF
    exponent = (size >> 23).astype(np.int64)
    mantissa = ((size & 0x7FFFFF) | 0x800000).astype(np.uint64)
    start = np.clip(exponent, 126, 254) - 120
    first, following, last = (_bits_at(table, (start >> 5) + n, start & 31) for n in range(3))
    # Products and sums wrap as uint64 does.
    turns = mantissa * (first << 32 | following) + (mantissa * last >> 32)
    nearest = (turns + np.uint64(1 << 61)) >> 62
    reduced = (turns - (nearest << 62)).view(np.int64).astype(np.float64) * (pi / 2**63)
    large, finite = exponent >= 126, exponent < 255
    rest = np.where(large, reduced, np.abs(np.where(finite, tensor, 0)).astype(np.float64))
    quarter = np.where(large, nearest, 0).astype(np.int64) + quarters
    s = rest * rest
    value = np.where(quarter & 1, _series(COSINE, s), _series(SINE, s) * rest)
    negative = ((quarter & 2) != 0) != ((quarters == 0) & np.signbit(tensor))
    signed = np.where(negative, -value, value).astype(np.float32)
    return np.where(finite, signed, np.float32(np.nan))


def _bits_at(table: Array, word: Array, bit: Array) -> Array:
    """Return 32 bits of the table, from a bit of a word on, as uint64."""
    words = table.view(np.uint32).astype(np.uint64)
    both = words[word] << 32 | words[word + 1]
    bits: Array = (both << bit.astype(np.uint64)) >> 32 & 0xFFFFFFFF
    return bits


def _series(factors: list[float], s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = np.full_like(s, factors[-1])
    for factor in reversed(factors[:-1]):
        total = total * s + factor
    return total
