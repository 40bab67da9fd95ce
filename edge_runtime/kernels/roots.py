"""The kernels of SQRT and RSQRT in NumPy, which defines their meaning; in C roots.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.float_bits import float32_of
from edge_runtime.kernels.unary import Count
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Scaled:
    """Parameters of ``roots_sqrt_int16``.

    Attributes:
        scale: bits of the input's scale, a float32 number.
        output_scale: bits of the output's.
    """

    count: int
    scale: int
    output_scale: int


def roots_sqrt_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define SQRT of float32, rounded correctly: LiteRT's bytes. NaN below 0.

    Args:
        tensor: float32 [count].
    """
    with np.errstate(invalid="ignore"):
        root: npt.NDArray[np.float32] = np.where(tensor >= 0, np.sqrt(tensor), np.float32(np.nan))
    return root


def roots_rsqrt_float32(params: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define RSQRT of float32, the inverse of the rounded root: LiteRT's bytes.

    Args:
        tensor: float32 [count].
    """
    with np.errstate(divide="ignore"):
        inverse: npt.NDArray[np.float32] = np.float32(1) / roots_sqrt_float32(params, tensor)
    return inverse


def roots_sqrt_int16(params: Scaled, tensor: Array) -> npt.NDArray[np.int16]:
    """Define SQRT of int16: calculated in float32, and truncated, as LiteRT does.

    Negative numbers, at which LiteRT stops, give 0.

    Args:
        tensor: int16 [count].
    """
    with np.errstate(over="ignore", under="ignore"):
        real = np.maximum(tensor, 0).astype(np.float32) * float32_of(params.scale)
        steps = np.sqrt(real) / float32_of(params.output_scale)
    return np.where(steps < 32767, steps, np.float32(32767)).astype(np.int16)
