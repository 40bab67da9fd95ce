"""The kernels of CONCATENATION in NumPy, which defines their meaning; in C concatenation.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Concatenation:
    """Parameters of ``concatenation``: rows before the axis, and how many inputs there are."""

    rows: int
    inputs: int


def concatenation(params: Concatenation, *tensors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Define the kernel: row by row, the bytes of each input after those of the one before it.

    LiteRT does not rescale inputs either: it refuses int8 of different scales, and copies int16 of
    different scales as they are (Prepare in tensorflow/lite/kernels/concatenation.cc).

    Args:
        tensors: the inputs, flat, then int32 [inputs], the bytes of a row of each.
    """
    *inputs, lengths = tensors
    rows = [
        tensor.reshape(params.rows, length // tensor.itemsize)
        for tensor, length in zip(inputs, lengths, strict=True)
    ]
    return np.concatenate(rows, axis=1).ravel()
