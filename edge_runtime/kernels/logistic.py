"""The kernels of LOGISTIC in NumPy, which defines their meaning; in C logistic.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime import gemmlowp
from edge_runtime.kernels import exponential, sigmoid_table
from edge_runtime.kernels.float_bits import float32_of
from edge_runtime.kernels.unary import Count
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Float32:
    """Parameters of ``logistic_float32``: the bits of the number below which exp(x) is taken."""

    count: int
    below: int


def logistic_float32(params: Float32, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: calculated in double, rounded once.

    Below a limit it is exp(x), as in LiteRT.

    The error is below 0.501 ulp where the value is at least 1e-37, and below that less than an
    ulp of 1e-37. NaN gives 1.

    Args:
        tensor: float32 [count].
    """
    x = tensor.astype(np.float64)
    value = 1 / (1 + exponential.exp(-x))
    return np.where(tensor < float32_of(params.below), exponential.exp(x), value).astype(np.float32)


def logistic_int16(
    params: sigmoid_table.SigmoidTable, tensor: Array, table: Array
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: the table interpolated, halves up.

    Source: reference_integer_ops::Logistic.

    Args:
        tensor: int16 [count].
        table: uint16 [256].
    """
    x = sigmoid_table.moved(params, tensor)
    above = sigmoid_table.interpolated(np.abs(x), table, 9, 32767 << 10)
    value = np.where(x < 0, (1 << 25) - 1 - above, above)
    result: npt.NDArray[np.int16] = ((value + (1 << 9)) >> 10).astype(np.int16)
    return result


def logistic_fixed_int16(_: Count, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel of LiteRT's optimised Logistic: gemmlowp's, with 3 integer bits.

    Args:
        tensor: int16 [count].
    """
    result: npt.NDArray[np.int16] = gemmlowp.logistic(tensor.astype(np.int64), 3, 16)
    return result.astype(np.int16)
