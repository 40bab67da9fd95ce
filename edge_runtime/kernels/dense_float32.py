"""float32 vectors times matrices inside recurrent kernels, in NumPy; in C dense_float32.h."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

LANES = 16
"""Partial sums of a dot product; element k goes to sum k % LANES. A fixed order gives the same
bytes on every machine, and one or a few vectors of any SIMD width hold it."""


def added_product(matrix: Array, vectors: Array, sums: Array) -> npt.NDArray[np.float32]:
    """Return vectors times the rows of a matrix, added to sums; all products and sums are rounded.

    The error of a product is at most (depth / LANES + 6) * 2**-24 * sum(|x * w|).

    Args:
        matrix: float32 [outputs * depth].
        vectors: float32 [rows, depth].
        sums: float32 [rows, outputs].
    """
    rows, depth = vectors.shape
    missing = -depth % LANES
    x = np.pad(vectors.reshape(rows, 1, depth), ((0, 0), (0, 0), (0, missing)))
    w = np.pad(matrix.reshape(1, -1, depth), ((0, 0), (0, 0), (0, missing)))
    lanes = np.zeros((rows, w.shape[1], LANES), np.float32)
    for start in range(0, depth, LANES):
        lanes += x[..., start : start + LANES] * w[..., start : start + LANES]
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = lanes[..., :half] + lanes[..., half:]
    total: npt.NDArray[np.float32] = lanes[..., 0] + sums
    return total
