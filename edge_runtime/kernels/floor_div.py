"""The kernels of FLOOR_DIV and FLOOR_MOD in NumPy, which defines their meaning; in C floor_div.c.

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
class FloorDiv:
    """Parameters of all kernels.

    Attributes:
        remainder: 1 for what the division leaves, 0 for the quotient.
    """

    remainder: int


def floor_div_int8(params: FloorDiv, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: a quotient that wraps; by 0 it is 0, and so is the remainder."""
    return _whole(params, a, b, loops)


def floor_div_int16(params: FloorDiv, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: the same."""
    return _whole(params, a, b, loops)


def floor_div_int32(params: FloorDiv, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel: the same."""
    return _whole(params, a, b, loops)


def floor_div_int64(params: FloorDiv, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int64]:
    """Define the int64 kernel: the same."""
    return _whole(params, a, b, loops)


def _whole(params: FloorDiv, a: Array, b: Array, loops: Array) -> Array:
    dtype = a.dtype
    a, b = spread(a, b, loops)
    # The least int64 has no negative, and -1 divides it by wrapping.
    divisor = np.where((b == 0) | (b == -1), 1, b)
    if params.remainder:
        output = np.where((b == 0) | (b == -1), 0, a % divisor)
    else:
        output = np.where(b == 0, 0, np.where(b == -1, np.negative(a), a // divisor))
    return output.astype(dtype).ravel()


def floor_div_float32(
    params: FloorDiv, a: Array, b: Array, loops: Array
) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the quotient rounded to double, then down; or the exact remainder.

    The remainder has the sign of ``b``; where that is not the one of ``a``, ``b`` is added to it,
    and the sum rounded. NaN is the positive one without a payload.

    Source: FloorDiv and FloorMod in tensorflow/lite/kernels/internal/reference.
    """
    a, b = spread(a, b, loops)
    with np.errstate(all="ignore"):
        if params.remainder:
            left = np.fmod(a, b)
            output = np.where((left != 0) & ((b < 0) != (left < 0)), left + b, left)
        else:
            output = np.floor(a.astype(np.float64) / b.astype(np.float64)).astype(np.float32)
    flat: npt.NDArray[np.float32] = np.where(np.isnan(output), np.float32("nan"), output).ravel()
    return flat
