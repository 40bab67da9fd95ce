"""The kernels of ops with a table of positions for each dimension, which they define in NumPy.

In C indexed_copy.c.
"""

from __future__ import annotations

from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class IndexedCopy:
    """Parameters of the kernels.

    Attributes:
        rows: tensors one behind the other.
        bytes: bytes of each where the positions are.
        size: bytes that are copied as they are, a run.
        fill: the byte that fills an output between its runs.
        loops: nested loops around a run.
    """

    rows: int
    bytes: int
    size: int
    fill: int
    loops: int


def _positions(params: IndexedCopy, table: Array, item: int) -> Array:
    """Return where the elements of all runs are, in the order of the loops."""
    sizes, positions = np.split(table.astype(np.int64), [params.loops])
    starts = reduce(np.add.outer, np.split(positions, np.cumsum(sizes)[:-1]))
    at: Array = np.add.outer(starts // item, np.arange(params.size // item)).ravel()
    return at


def indexed_copy(params: IndexedCopy, tensor: Array, table: Array) -> Array:
    """Define the kernel: of each row, runs from the sum of the positions of all loops.

    Args:
        params: of the kernel.
        tensor: of any type, flat.
        table: int32: how often each loop runs, the innermost last, then the positions in bytes of
            the first loop, of the second one, and so on.
    """
    at = _positions(params, table, tensor.itemsize)
    return tensor.reshape(params.rows, -1)[:, at].ravel()


def indexed_copy_out(params: IndexedCopy, tensor: Array, table: Array) -> Array:
    """Define the inverse: runs to these positions, and bytes of one value everywhere else."""
    output = np.full((params.rows, params.bytes), params.fill % 256, np.uint8).view(tensor.dtype)
    at = _positions(params, table, tensor.itemsize)
    output[:, at] = tensor.reshape(params.rows, -1)
    return output.ravel()
