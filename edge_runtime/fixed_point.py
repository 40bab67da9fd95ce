"""A real factor as an int32 multiplier and a shift, and float32 arithmetic in plain Python."""

from __future__ import annotations

import struct
from math import frexp


def f32(value: float) -> float:
    """Return ``value`` rounded to float32; what overflows becomes infinity."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def half_away(value: float) -> int:
    """Round to the nearest integer, halves away from zero, as C's ``round`` does."""
    whole = int(abs(value))
    rounded = whole + (abs(value) - whole >= 0.5)
    return rounded if value >= 0 else -rounded


def quantize_multiplier(factor: float) -> tuple[int, int]:
    """Return (multiplier, shift) so that ``factor`` is about ``multiplier * 2**(shift - 31)``.

    Source: QuantizeMultiplier in tensorflow/lite/kernels/internal/quantization_util.cc.

    Args:
        factor: not negative and finite.

    Returns:
        A multiplier of 0 or in [2**30, 2**31), a shift in [-31, 30].
    """
    fraction, shift = frexp(factor)
    multiplier = half_away(fraction * 2**31)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    if shift < -31:
        return 0, 0
    return (2**31 - 1, 30) if shift > 30 else (multiplier, shift)
