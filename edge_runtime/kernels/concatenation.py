"""The kernels of CONCATENATION in NumPy, which defines their meaning; in C concatenation.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Concatenation:
    """Parameters of the kernels: rows before the axis, and how many inputs there are."""

    rows: int
    inputs: int


def concatenation(params: Concatenation, *tensors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Define the kernel: row by row, the bytes of each input after those of the one before it.

    LiteRT does not rescale inputs either, but for uint8: it refuses int8 of different scales, and
    copies int16 of different scales as they are (Prepare in
    tensorflow/lite/kernels/concatenation.cc).

    Args:
        tensors: the inputs, flat, then int32 [inputs], the bytes of a row of each.
    """
    *inputs, lengths = tensors
    rows = [
        tensor.reshape(params.rows, length // tensor.itemsize)
        for tensor, length in zip(inputs, lengths, strict=True)
    ]
    return np.concatenate(rows, axis=1).ravel()


def concatenation_lookup(params: Concatenation, *tensors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Define the kernel of uint8 inputs of other scales than the output: a table for each.

    Args:
        params: of the kernel.
        tensors: the inputs, flat, then int32 [inputs], the bytes of a row of each, then the tables,
            uint8 [256].
    """
    count = params.inputs
    inputs, lengths, tables = tensors[:count], tensors[count], tensors[count + 1 :]
    rescaled = (table[tensor] for table, tensor in zip(tables, inputs, strict=True))
    return concatenation(params, *rescaled, lengths)
