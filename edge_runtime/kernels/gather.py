"""The kernels of GATHER in NumPy, which defines their meaning; in C gather.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Gather:
    """Parameters of the kernels.

    Attributes:
        batches: parts of the input that have indices of their own.
        outer: rows before the axis in each.
        axis: slices along the axis.
        coordinates: indices of a batch.
        bytes: bytes of a slice.
    """

    batches: int
    outer: int
    axis: int
    coordinates: int
    bytes: int


def gather_int32(params: Gather, tensor: Array, indices: npt.NDArray[np.int32]) -> Array:
    """Define the kernel for int32 indices."""
    return _gathered(params, tensor, indices)


def gather_int64(params: Gather, tensor: Array, indices: npt.NDArray[np.int64]) -> Array:
    """Define the kernel for int64 indices."""
    return _gathered(params, tensor, indices)


def _gathered(params: Gather, tensor: Array, indices: Array) -> Array:
    """Return the slice of each index, zeros where there is no such slice.

    LiteRT ends with an error there, in the middle of an inference.

    Args:
        params: of the kernel.
        tensor: of any type, flat.
        indices: [batches * coordinates].
    """
    shape = params.batches, params.outer, params.axis, params.bytes // tensor.itemsize
    at = indices.reshape(params.batches, 1, params.coordinates, 1)
    inside = (at >= 0) & (at < params.axis)
    slices = np.take_along_axis(tensor.reshape(shape), np.where(inside, at, 0), 2)
    return np.where(inside, slices, tensor.dtype.type(0)).ravel()
