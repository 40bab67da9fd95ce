"""The kernels of ADD_N in NumPy, which defines their meaning; in C add_n.c.

Inputs and output are flat, of the type in the kernel's name.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class AddN:
    """Parameters of both kernels.

    Attributes:
        count: elements of each tensor.
        inputs: number of tensors that are added.
    """

    count: int
    inputs: int


def add_n_int32(_: AddN, *tensors: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel: a sum that wraps."""
    return _sum(tensors)


def add_n_float32(_: AddN, *tensors: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: from the first input to the last, the same bytes as LiteRT's."""
    return _sum(tensors)


def _sum(tensors: tuple[Array, ...]) -> Array:
    total = tensors[0].copy()
    with np.errstate(over="ignore", invalid="ignore"):
        for tensor in tensors[1:]:
            total += tensor
    return total
