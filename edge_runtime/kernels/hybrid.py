"""Floats quantised for one multiplication with int8 weights; in C hybrid.h."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import half_away

Array: TypeAlias = npt.NDArray[Any]


def quantize_hybrid(rows: Array, asymmetric: int) -> tuple[npt.NDArray[np.int64], Array]:
    """Return rows of float32 as int8 numbers less their zero point, and the scale of each row.

    What is not a number is the least of its row.

    Source: NeonSymmetricQuantizeFloats and NeonAsymmetricQuantizeFloats in
    tensorflow/lite/kernels/internal/optimized/neon_tensor_utils.cc, which x86 has, too. What they
    do not do eight at a time, the last numbers of a row, they round with ``round``: of a number
    that is 0.49999997 steps, which is 1 here, they make 0.

    Args:
        rows: float32 [rows, depth].
        asymmetric: whether zero points are chosen, which are otherwise 0.
    """
    quantized = np.zeros(rows.shape, np.int64)
    scales = np.ones(len(rows), np.float32)
    for index, numbers in enumerate(rows):
        low, high = np.fmin.reduce(numbers, initial=0), np.fmax.reduce(numbers, initial=0)
        if low == high:
            continue
        with np.errstate(all="ignore"):
            if asymmetric:
                step = np.float64(high - low) / 255
                scale, least = np.float32(step), -128
                inverse, zero_point = np.float32(1) / scale, _zero_point(low, high, step)
            else:
                size = max(high, -low)
                scale, inverse = size / np.float32(127), np.float32(127) / size
                least, zero_point = -127, 0
            value = numbers * inverse
        lowest, highest = np.float32(least - zero_point), np.float32(127 - zero_point)
        value = np.where(value > lowest, value, lowest)
        value = np.where(value < highest, value, highest)
        quantized[index] = value + np.where(value < 0, np.float32(-0.5), np.float32(0.5))
        scales[index] = scale
    return quantized, scales


def _zero_point(low: float, high: float, step: np.float64) -> int:
    below, above = -np.float64(low) / step, np.float64(high) / step
    exact = below - 128 if 128 + below < 127 + above else 127 - above
    if not exact > -128:
        return -128
    return 127 if exact >= 127 else half_away(exact)
