"""The kernels of the RELUs in NumPy, which defines their meaning; in C relu.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.activation import clamped_float32
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Relu:
    """Parameters of ``relu_float32``.

    Attributes:
        lowest: lower bound of the output, as the bits of a float32 number.
        highest: upper bound, likewise.
    """

    count: int
    lowest: int
    highest: int


def relu_float32(params: Relu, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel, exact: ``lowest`` below it, ``highest`` above it; NaN stays.

    Args:
        tensor: float32 [count].
    """
    return clamped_float32(tensor, params.lowest, params.highest)
