"""The kernels of SQUARED_DIFFERENCE in NumPy, which defines their meaning.

In C squared_difference.c. All have two flat inputs of the type in their name, and the loops over
them, int32 [3 * LOOPS]: see ``broadcast.loops``. They return the flat output, of the same type.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice
from edge_runtime.kernels.activation import clamped
from edge_runtime.kernels.broadcast import Elements, spread
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Rescaled:
    """Parameters of ``squared_difference_int8_twice``."""

    headroom: int
    a_zero_point: int
    a_multiplier: int
    a_shift: int
    b_zero_point: int
    b_multiplier: int
    b_shift: int
    multiplier: int
    shift: int
    zero_point: int


def squared_difference_int8_twice(
    params: Rescaled, a: Array, b: Array, loops: Array
) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: inputs and the square rescaled, rounded twice each time.

    Source: SquaredDifference in tensorflow/lite/kernels/squared_difference.cc.
    """
    a, b = spread(a, b, loops)
    moved_a, moved_b = (a - params.a_zero_point), (b - params.b_zero_point)
    scaled_a = rescale_twice(moved_a << params.headroom, params.a_multiplier, params.a_shift)
    scaled_b = rescale_twice(moved_b << params.headroom, params.b_multiplier, params.b_shift)
    square = (scaled_a - scaled_b) ** 2
    output = rescale_twice(square, params.multiplier, params.shift) + params.zero_point
    return clamped(output, -128, 127, np.int8)


def squared_difference_int32(
    _: Elements, a: Array, b: Array, loops: Array
) -> npt.NDArray[np.int32]:
    """Define the int32 kernel: a difference and a square that wrap."""
    a, b = spread(a, b, loops)
    difference = (a - b).astype(np.int32).astype(np.int64)
    output: npt.NDArray[np.int32] = (difference * difference).astype(np.int32).ravel()
    return output


def squared_difference_float32(
    _: Elements, a: Array, b: Array, loops: Array
) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the same bytes as LiteRT's."""
    a, b = spread(a, b, loops)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        difference = a - b
        output: npt.NDArray[np.float32] = (difference * difference).ravel()
    return output
