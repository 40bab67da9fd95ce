"""The kernel that cuts a tensor into several, in NumPy, which defines its meaning; in C split.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Split:
    """Parameters of ``split``: rows before the axis, and how many outputs there are."""

    rows: int
    outputs: int


def split(params: Split, tensor: Array, lengths: Array) -> tuple[Array, ...]:
    """Define the kernel: row by row, the bytes of each output after those of the one before it.

    Args:
        params: of the kernel.
        tensor: of any type, flat.
        lengths: int32 [outputs], the bytes of a row of each.
    """
    rows = tensor.reshape(params.rows, -1)
    ends = np.cumsum(lengths)[:-1] // tensor.itemsize
    return tuple(part.ravel() for part in np.split(rows, ends, axis=1))
