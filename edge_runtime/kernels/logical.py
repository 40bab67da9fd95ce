"""The kernel of functions of two bools in NumPy, which defines its meaning; in C logical.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.broadcast import spread
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Logical:
    """Parameters of ``logical``.

    Attributes:
        truth: the truth table: bit ``2 * a + b`` is the output.
    """

    truth: int


def logical(params: Logical, a: Array, b: Array, loops: Array) -> npt.NDArray[np.bool_]:
    """Define the kernel: the bit of the table; bytes other than 0 are true.

    Args:
        params: parameters.
        a: bool, flat.
        b: likewise.
        loops: int32 [3 * LOOPS]: see ``broadcast.loops``.
    """
    a, b = spread(a.view(np.uint8), b.view(np.uint8), loops)
    bits = params.truth >> (2 * (a != 0) + (b != 0)) & 1
    output: npt.NDArray[np.bool_] = bits.astype(np.bool_).ravel()
    return output
