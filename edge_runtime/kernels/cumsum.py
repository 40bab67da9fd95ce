"""The kernels of CUMSUM in NumPy, which defines their meaning; in C cumsum.c.

All have an input [outer * depth * inner] of the type in their name, and return as many numbers of
that type.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Cumsum:
    """Parameters of all kernels.

    Attributes:
        outer: rows before the axis.
        depth: the axis.
        inner: numbers behind the axis.
        exclusive: whether each sum leaves out the number of its own position.
        reverse: whether sums begin at the end.
    """

    outer: int
    depth: int
    inner: int
    exclusive: int
    reverse: int


def cumsum_float32(params: Cumsum, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: from 0 on, in order."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _sums(params, tensor)


def cumsum_int32(params: Cumsum, tensor: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel; sums wrap."""
    return _sums(params, tensor)


def cumsum_int64(params: Cumsum, tensor: Array) -> npt.NDArray[np.int64]:
    """Define the int64 kernel; sums wrap."""
    return _sums(params, tensor)


def _sums(params: Cumsum, tensor: Array) -> Array:
    p = params
    step = -1 if p.reverse else 1
    numbers = tensor.reshape(p.outer, p.depth, p.inner)[:, ::step]
    zeros = np.zeros((p.outer, 1, p.inner), tensor.dtype)
    sums = np.cumsum(np.concatenate([zeros, numbers], axis=1), axis=1, dtype=tensor.dtype)
    picked: Array = sums[:, : p.depth] if p.exclusive else sums[:, 1:]
    return picked[:, ::step].ravel()
