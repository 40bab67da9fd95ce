"""The kernel of ops that order a tensor's bytes anew, in NumPy; in C strided_copy.c."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from edge_runtime.kernels.strides import positions
from edge_runtime.record import record


@record
class StridedCopy:
    """Parameters of ``strided_copy``.

    Attributes:
        rows: tensors one behind the other.
        input_bytes: bytes of each in the input.
        size: bytes that are copied as they are, a run.
        offset: bytes before the first run.
        loops: nested loops around a run, at least 2.
    """

    rows: int
    input_bytes: int
    size: int
    offset: int
    loops: int


def strided_copy(
    params: StridedCopy, tensor: npt.NDArray[Any], table: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Define the kernel: of each row, runs from where the loops are.

    Args:
        params: of the kernel.
        tensor: of any type, flat.
        table: int32 [2 * loops]: how often each loop runs, the innermost last, and by how many
            bytes of the input it advances.
    """
    at = positions(table, params.size, params.offset, tensor.itemsize)
    return tensor.reshape(params.rows, -1)[:, at].ravel()
