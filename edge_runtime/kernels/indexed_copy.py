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
    """Parameters of ``indexed_copy``.

    Attributes:
        rows: tensors one behind the other.
        input_bytes: bytes of each in the input.
        size: bytes that are copied as they are, a run.
        loops: nested loops around a run.
    """

    rows: int
    input_bytes: int
    size: int
    loops: int


@record
class IndexedCopyOut:
    """Parameters of ``indexed_copy_out``.

    Attributes:
        rows: tensors one behind the other.
        output_bytes: bytes of each in the output.
        size: bytes that are copied as they are, a run.
        fill: the byte that fills the output between its runs.
        loops: nested loops around a run.
    """

    rows: int
    output_bytes: int
    size: int
    fill: int
    loops: int


def _positions(table: Array, loops: int, size: int, item: int) -> Array:
    """Return where the elements of all runs are, in the order of the loops."""
    sizes, positions = np.split(table.astype(np.int64), [loops])
    starts = reduce(np.add.outer, np.split(positions, np.cumsum(sizes)[:-1]))
    at: Array = np.add.outer(starts // item, np.arange(size // item)).ravel()
    return at


def indexed_copy(params: IndexedCopy, tensor: Array, table: Array) -> Array:
    """Define the kernel: of each row, runs from the sum of the positions of all loops.

    Args:
        params: of the kernel.
        tensor: of any type, flat.
        table: int32: how often each loop runs, the innermost last, then the positions in bytes of
            the first loop, of the second one, and so on.
    """
    at = _positions(table, params.loops, params.size, tensor.itemsize)
    return tensor.reshape(params.rows, -1)[:, at].ravel()


def indexed_copy_out(params: IndexedCopyOut, tensor: Array, table: Array) -> Array:
    """Define the inverse: runs to these positions, and bytes of one value everywhere else."""
    shape = params.rows, params.output_bytes
    output = np.full(shape, params.fill % 256, np.uint8).view(tensor.dtype)
    at = _positions(table, params.loops, params.size, tensor.itemsize)
    output[:, at] = tensor.reshape(params.rows, -1)
    return output.ravel()
