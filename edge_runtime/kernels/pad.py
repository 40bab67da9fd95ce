"""The kernel of PAD in NumPy, which defines its meaning; in C pad.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.strides import positions
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Pad:
    """Parameters of ``pad``.

    Attributes:
        rows: tensors one behind the other.
        output_bytes: bytes of each in the output.
        size: bytes of a run, between which there is padding.
        offset: bytes of padding before the first run.
        element: bytes of an element.
        loops: nested loops around a run, at least 1.
    """

    rows: int
    output_bytes: int
    size: int
    offset: int
    element: int
    loops: int


def pad(params: Pad, tensor: Array, value: npt.NDArray[np.int8], table: Array) -> Array:
    """Define the kernel: of each row, runs to where the loops are, and a value between them.

    Args:
        params: of the kernel.
        tensor: of any type, flat.
        value: bytes of the element that is the padding.
        table: int32 [2 * loops]: how often each loop runs, the innermost last, and by how many
            bytes of the output it advances.
    """
    shape = params.rows, params.output_bytes // params.element
    output = np.full(shape, value.view(tensor.dtype)[0], tensor.dtype)
    at = positions(table, params.size, params.offset, params.element)
    output[:, at] = tensor.reshape(params.rows, -1)
    return output.ravel()
