"""A table of 256 values, in NumPy; in C lookup.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Lookup:
    """Parameters of ``lookup_int8`` and ``lookup_int16``."""

    count: int


def lookup_int8(_: Lookup, tensor: Array, table: Array) -> npt.NDArray[np.int8 | np.uint8]:
    """Define the kernel: ``table[x + 128]`` for each byte x of the input, read as int8.

    Args:
        tensor: int8 or uint8 [count].
        table: int8 or uint8 [256].
    """
    result: npt.NDArray[np.int8 | np.uint8] = table[tensor.view("int8").astype("int64") + 128]
    return result


def lookup_int16(_: Lookup, tensor: Array, table: Array) -> npt.NDArray[np.int16]:
    """Define the kernel: ``table[x + 128]`` for each byte x of the input, read as int8.

    Args:
        tensor: int8 or uint8 [count].
        table: int16 [256].
    """
    result: npt.NDArray[np.int16] = table[tensor.view("int8").astype("int64") + 128]
    return result
