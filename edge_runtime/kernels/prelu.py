"""The kernels of PRELU in NumPy, which defines their meaning; in C prelu.c.

All have two flat inputs of the type in their name, the second one alpha, and the loops over them,
int32 [3 * LOOPS]: see ``broadcast.loops``. They return the flat output, of the same type.
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
    """Parameters of the kernels of integers."""

    zero_point: int
    alpha_zero_point: int
    multiplier: int
    shift: int
    negative_multiplier: int
    negative_shift: int
    output_zero_point: int
    lowest: int
    highest: int


def prelu_int8_twice(
    params: Rescaled, x: Array, alpha: Array, loops: Array
) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: the input or its product with alpha rescaled, rounded twice.

    Source: Prelu in tensorflow/lite/kernels/internal/reference/prelu.h.
    """
    return _rescaled(params, x, alpha, loops)


def prelu_uint8_twice(
    params: Rescaled, x: Array, alpha: Array, loops: Array
) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel: the same."""
    return _rescaled(params, x, alpha, loops)


def _rescaled(params: Rescaled, x: Array, alpha: Array, loops: Array) -> Array:
    dtype = x.dtype
    x, alpha = spread(x, alpha, loops)
    x, alpha = x - params.zero_point, alpha - params.alpha_zero_point
    positive = rescale_twice(x, params.multiplier, params.shift)
    negative = rescale_twice(x * alpha, params.negative_multiplier, params.negative_shift)
    # Sums wrap as int32 does.
    moved = (np.where(x < 0, negative, positive) + params.output_zero_point).astype(np.int32)
    return clamped(moved, params.lowest, params.highest, dtype)


def prelu_float32(_: Elements, x: Array, alpha: Array, loops: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel, exact; NaN is not from 0 on."""
    x, alpha = spread(x, alpha, loops)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        output = np.where(x >= 0, x, x * alpha)
    flat: npt.NDArray[np.float32] = output.ravel()
    return flat
