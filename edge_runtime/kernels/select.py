"""The kernel of SELECT and SELECT_V2 in NumPy, which defines its meaning; in C select.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.broadcast import unfolded
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Select:
    """Parameters of ``select``.

    Attributes:
        size: bytes of an element: 1, 2, 4 or 8.
    """

    size: int


def select(
    params: Select,  # noqa: ARG001 - an array knows the size of its elements
    condition: Array,
    x: Array,
    y: Array,
    loops: Array,
) -> Array:
    """Define the kernel: the element of ``x`` where the condition is not 0, else that of ``y``.

    Args:
        params: parameters.
        condition: bool, flat.
        x: flat.
        y: flat, of the same element type.
        loops: int32 [4 * LOOPS]: see ``broadcast.loops``.
    """
    chosen, first, second = unfolded((condition.view(np.uint8), x, y), loops)
    output: Array = np.where(chosen != 0, first, second).ravel()
    return output
