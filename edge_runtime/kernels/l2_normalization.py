"""The kernels of L2_NORMALIZATION in NumPy, which defines their meaning; in C l2_normalization.c.

All have an input [rows * depth] of the type in their name, and return as many numbers of that type.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice
from edge_runtime.kernels.float_bits import float32_of
from edge_runtime.kernels.inverse_root import inverse_root
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Integers:
    """Parameters of 8 bits: ``zero_point`` is the input's."""

    rows: int
    depth: int
    zero_point: int


@record
class Float32:
    """Parameters of float32: the bits of what a row is divided by at least."""

    rows: int
    depth: int
    epsilon: int


def l2_normalization_int8_twice(params: Integers, tensor: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel; outputs have 7 fractional bits."""
    x, (multiplier, right) = _differences(params, tensor)
    moved = rescale_twice(x, multiplier, 7 - right)
    output: npt.NDArray[np.int8] = np.clip(moved, -128, 127).astype(np.int8).ravel()
    return output


def l2_normalization_uint8_twice(params: Integers, tensor: Array) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel; outputs have 7 fractional bits and the zero point 128."""
    x, (multiplier, right) = _differences(params, tensor)
    moved = rescale_twice(128 * x, multiplier, -right) + 128
    output: npt.NDArray[np.uint8] = np.clip(moved, 0, 255).astype(np.uint8).ravel()
    return output


def _differences(params: Integers, tensor: Array) -> tuple[Array, tuple[Array, Array]]:
    """Return the numbers less the zero point, by rows, and what these are multiplied by."""
    x = tensor.reshape(params.rows, params.depth).astype(np.int64) - params.zero_point
    return x, inverse_root((x * x).sum(axis=1, keepdims=True))


def l2_normalization_float32(params: Float32, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the same bytes as LiteRT's, squares added in order."""
    x = tensor.reshape(params.rows, params.depth)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        # A running sum adds in order; sum() does not.
        total = np.cumsum(x * x, axis=1, dtype=np.float32)[:, -1:]
        root, least = np.sqrt(total), float32_of(params.epsilon)
        output: Array = (x / np.where(root < least, least, root)).ravel()
    return output
