"""The kernels of TANH in NumPy, which defines their meaning; in C tanh.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime import gemmlowp
from edge_runtime.kernels import exponential, sigmoid_table
from edge_runtime.kernels.unary import Count
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]

SMALL = 2.0**-12
"""Below this, ``x - x**3 / 3`` is exact to 2**-50, and the quotient loses digits."""


@record
class Fixed:
    """Parameters of ``tanh_fixed_int16``.

    Attributes:
        shift: bits by which the input is shifted to the left, 0 or 1, to steps of 2**-12.
    """

    count: int
    shift: int


def tanh_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: calculated in double, rounded once.

    The error is below 0.501 ulp. NaN gives -1.

    Args:
        tensor: float32 [count].
    """
    x = tensor.astype(np.float64)
    e = exponential.exp(2 * x)
    with np.errstate(invalid="ignore"):
        small = x - x * x * x / 3
    result = np.where((x > -SMALL) & (x < SMALL), small, (e - 1) / (e + 1))
    return result.astype(np.float32)


def tanh_int16(
    params: sigmoid_table.SigmoidTable, tensor: Array, table: Array
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: the table interpolated, halves up.

    Source: reference_integer_ops::Tanh.

    Args:
        tensor: int16 [count].
        table: uint16 [256].
    """
    x = sigmoid_table.moved(params, tensor)
    above = sigmoid_table.interpolated(np.abs(x), table, 8, 65535 << 8) - (1 << 23)
    value = np.where(x < 0, -above - 1, above)
    result: npt.NDArray[np.int16] = ((value + (1 << 7)) >> 8).astype(np.int16)
    return result


def tanh_fixed_int16(params: Fixed, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel of LiteRT's optimised Tanh: gemmlowp's, with 3 integer bits.

    Args:
        tensor: int16 [count].
    """
    raw = np.clip(tensor.astype(np.int64) << params.shift, -(2**15), 2**15 - 1)
    result: npt.NDArray[np.int16] = gemmlowp.tanh(raw, 3, 16)
    return result.astype(np.int16)
