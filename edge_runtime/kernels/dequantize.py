"""The kernels of DEQUANTIZE in NumPy, which defines their meaning; in C dequantize.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.float_bits import float32_of
from edge_runtime.kernels.unary import Count
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Dequantize:
    """Parameters of the kernels.

    Attributes:
        scale: bits of a float32 number.
        zero_point: of the input.
    """

    count: int
    scale: int
    zero_point: int


def _dequantized(params: Dequantize, tensor: Array) -> npt.NDArray[np.float32]:
    """Return ``scale * (x - zero_point)``, rounded once, as the difference is exact."""
    scale = float32_of(params.scale)
    steps = tensor.astype(np.int32) - params.zero_point
    with np.errstate(over="ignore"):
        result: npt.NDArray[np.float32] = steps.astype(np.float32) * scale
    return result


def dequantize_int8(params: Dequantize, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the kernel for int8 [count]."""
    return _dequantized(params, tensor)


def dequantize_uint8(params: Dequantize, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the kernel for uint8 [count]."""
    return _dequantized(params, tensor)


def dequantize_int16(params: Dequantize, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the kernel for int16 [count]."""
    return _dequantized(params, tensor)


def dequantize_float16(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the kernel for float16 [count]: the same number, of which NaN keeps its bits.

    What NumPy does with the bits of NaN depends on the machine.
    """
    bits = tensor.view(np.uint16).astype(np.uint32)
    size = bits & 0x7FFF
    exponent = np.where(size < 0x7C00, 127 - 15, 2 * (127 - 15)).astype(np.uint32)
    normal = ((size << 13) + (exponent << 23)).view(np.float32)
    subnormal = size.astype(np.float32) * np.float32(2.0**-24)
    value = np.where(size < 0x400, subnormal, normal).astype(np.float32)
    result: npt.NDArray[np.float32] = (value.view(np.uint32) | (bits & 0x8000) << 16).view(
        np.float32
    )
    return result
