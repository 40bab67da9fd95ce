"""The kernels of GATHER_ND in NumPy, which defines their meaning; in C gather_nd.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class GatherNd:
    """Parameters of the kernels: lists of indices, the indices of each, bytes of a slice."""

    count: int
    depth: int
    bytes: int


def gather_nd_int32(params: GatherNd, tensor: Array, indices: Array, sizes: Array) -> Array:
    """Define the kernel for int32 indices."""
    return _gathered(params, tensor, indices, sizes)


def gather_nd_int64(params: GatherNd, tensor: Array, indices: Array, sizes: Array) -> Array:
    """Define the kernel for int64 indices."""
    return _gathered(params, tensor, indices, sizes)


def _gathered(params: GatherNd, tensor: Array, indices: Array, sizes: Array) -> Array:
    """Return the slice of each list, zeros where there is no such slice.

    LiteRT ends with an error there, in the middle of an inference.

    Args:
        params: of the kernel.
        tensor: of any type, flat.
        indices: [count * depth].
        sizes: int32 [depth], the dimensions of ``tensor`` that indices are of.
    """
    lists = indices.reshape(params.count, params.depth)
    inside: npt.NDArray[np.bool_] = np.all((lists >= 0) & (lists < sizes), axis=1)
    at = np.ravel_multi_index(tuple(np.where(inside[:, None], lists, 0).T), tuple(sizes))
    slices = tensor.reshape(-1, params.bytes // tensor.itemsize)[at]
    output: Array = np.where(inside[:, None], slices, tensor.dtype.type(0))
    return output.ravel()
