"""The kernels of MAXIMUM and MINIMUM in NumPy, which defines their meaning; in C maximum.c.

All have two flat inputs of the type in their name, and the loops over them, int32 [3 * LOOPS]: see
``broadcast.loops``. They return the flat output, of the same type.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.broadcast import spread
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Maximum:
    """Parameters of all kernels.

    Attributes:
        greatest: 1 for the maximum, 0 for the minimum.
    """

    greatest: int


def maximum_int8(params: Maximum, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel."""
    return _chosen(params, a, b, loops)


def maximum_uint8(params: Maximum, a: Array, b: Array, loops: Array) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel."""
    return _chosen(params, a, b, loops)


def maximum_int16(params: Maximum, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel."""
    return _chosen(params, a, b, loops)


def maximum_int32(params: Maximum, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel."""
    return _chosen(params, a, b, loops)


def maximum_int64(params: Maximum, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int64]:
    """Define the int64 kernel."""
    return _chosen(params, a, b, loops)


def maximum_float32(params: Maximum, a: Array, b: Array, loops: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the second number where neither is greater, or one is NaN."""
    return _chosen(params, a, b, loops)


def _chosen(params: Maximum, a: Array, b: Array, loops: Array) -> Array:
    dtype = a.dtype
    a, b = spread(a, b, loops)
    chosen = np.where(a > b if params.greatest else a < b, a, b)
    return chosen.astype(dtype).ravel()
