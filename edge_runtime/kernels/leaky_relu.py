"""The kernels of LEAKY_RELU in NumPy, which defines their meaning; in C leaky_relu.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice
from edge_runtime.kernels.float_bits import float32_of
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Float32:
    """Parameters of ``leaky_relu_float32``.

    Attributes:
        alpha: bits of a float32 number.
    """

    count: int
    alpha: int


@record
class Int16:
    """Parameters of ``leaky_relu_int16_twice``.

    Attributes:
        multiplier: of an input that is not negative; see ``quantize_multiplier``.
        shift: of the same factor.
        negative_multiplier: of a negative input.
        negative_shift: of the same factor.
        negative_sign: what the output of a negative input is multiplied by, 1 or -1.
    """

    count: int
    multiplier: int
    shift: int
    negative_multiplier: int
    negative_shift: int
    negative_sign: int


def leaky_relu_float32(params: Float32, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the product is rounded once.

    Args:
        tensor: float32 [count].
    """
    alpha = float32_of(params.alpha)
    with np.errstate(all="ignore"):
        result: npt.NDArray[np.float32] = np.where(tensor > 0, tensor, tensor * alpha)
    return result


def leaky_relu_int16_twice(params: Int16, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: rounded twice, halves away from zero.

    Args:
        tensor: int16 [count].
    """
    x = tensor.astype(np.int64)
    negative = rescale_twice(x, params.negative_multiplier, params.negative_shift)
    negative = negative * params.negative_sign
    scaled = np.where(x < 0, negative, rescale_twice(x, params.multiplier, params.shift))
    # Huge ratios of the scales wrap as int32 does.
    wrapped = scaled.astype(np.int32)
    result: npt.NDArray[np.int16] = np.clip(wrapped, -(2**15), 2**15 - 1).astype(np.int16)
    return result
