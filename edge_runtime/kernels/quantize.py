"""The kernels of QUANTIZE in NumPy, which defines their meaning; in C quantize.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.float_bits import float32_of
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Quantize:
    """Parameters of the kernels that have a float32 input.

    Attributes:
        scale: bits of a float32 number: the output's scale, or its inverse.
        zero_point: of the output.
        lowest: least number of the output's type.
        highest: greatest number of the output's type.
    """

    count: int
    scale: int
    zero_point: int
    lowest: int
    highest: int


def _quantized(params: Quantize, steps: Array, even: bool) -> Array:
    """Return float32 ``steps`` of the output's scale as integers; NaN as the least one."""
    low, high = params.lowest - params.zero_point, params.highest - params.zero_point
    clamped = np.where(steps > low, np.where(steps < high, steps, high), low).astype(np.float64)
    whole = np.rint(clamped) if even else np.trunc(clamped + np.where(clamped < 0, -0.5, 0.5))
    result: Array = whole.astype(np.int32) + params.zero_point
    return result


def _divided(params: Quantize, tensor: Array) -> Array:
    """Return the quotients by the scale, rounded to float32, as integers."""
    with np.errstate(over="ignore"):
        steps = tensor / float32_of(params.scale)
    return _quantized(params, steps, even=False)


def _multiplied(params: Quantize, tensor: Array) -> Array:
    """Return the products with the inverse scale, rounded to float32, as integers."""
    with np.errstate(over="ignore"):
        steps = tensor * float32_of(params.scale)
    return _quantized(params, steps, even=True)


def quantize_int8(params: Quantize, tensor: Array) -> npt.NDArray[np.int8 | np.uint8]:
    """Define the kernel for int8 and uint8: divided, halves away from zero.

    From 2**31 steps on, where LiteRT's conversion is undefined, the output is the greatest number.

    Args:
        tensor: float32 [count].
    """
    return _divided(params, tensor).astype("int8" if params.lowest else "uint8")


def quantize_int16(params: Quantize, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the kernel for int16: divided, halves away from zero.

    Args:
        tensor: float32 [count].
    """
    return _divided(params, tensor).astype("int16")


def quantize_even_int8(params: Quantize, tensor: Array) -> npt.NDArray[np.int8 | np.uint8]:
    """Define XNNPACK's kernel for int8 and uint8: multiplied, halves to the even number.

    Args:
        tensor: float32 [count].
    """
    return _multiplied(params, tensor).astype("int8" if params.lowest else "uint8")


def quantize_even_int16(params: Quantize, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the kernel of LiteRT's optimised AffineQuantize: the same for int16.

    Args:
        tensor: float32 [count].
    """
    return _multiplied(params, tensor).astype("int16")
