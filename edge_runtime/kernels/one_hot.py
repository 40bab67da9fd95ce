"""The kernels of ONE_HOT in NumPy, which defines their meaning; in C one_hot.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class OneHot:
    """Parameters of the kernels.

    Attributes:
        outer: product of the dimensions before the new axis.
        depth: length of the new axis.
        inner: product of the dimensions behind it.
        bytes: of an element of the output.
    """

    outer: int
    depth: int
    inner: int
    bytes: int


def one_hot_int32(params: OneHot, indices: Array, on: Array, off: Array) -> Array:
    """Define the kernel of int32 indices.

    Args:
        indices: [outer * inner].
        on: one number of any type.
        off: another.
    """
    chosen = indices.astype(np.int32).reshape(params.outer, 1, params.inner)
    return np.where(chosen == np.arange(params.depth).reshape(1, -1, 1), on, off).ravel()


def one_hot_int64(params: OneHot, indices: Array, on: Array, off: Array) -> Array:
    """Define the kernel of int64 indices, which wrap to int32 as in LiteRT."""
    return one_hot_int32(params, indices, on, off)
