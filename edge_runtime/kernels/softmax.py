"""The kernels of SOFTMAX in NumPy, which defines their meaning; in C softmax_<type>.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice, rounding_shift
from edge_runtime.gemmlowp import reciprocal
from edge_runtime.kernels import exponential
from edge_runtime.kernels.float_bits import float32_of
from edge_runtime.kernels.gemmlowp32 import leading_zeros, product
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Int8:
    """Parameters of the kernels of 8 bits that round twice."""

    rows: int
    depth: int


@record
class Int8Float:
    """Parameters of ``softmax_int8_float`` and ``softmax_int8_int16_float``.

    Attributes:
        scale: bits of the output's scale, a float32 number.
    """

    rows: int
    depth: int
    scale: int


@record
class Float32:
    """Parameters of ``softmax_float32``.

    Attributes:
        beta: bits of a float32 number.
    """

    rows: int
    depth: int
    beta: int


@record
class Int16:
    """Parameters of ``softmax_int16_twice``.

    Attributes:
        multiplier: of beta and the input's scale, to steps of 10/65535; see
            ``quantize_multiplier``.
        shift: of the same factor.
    """

    rows: int
    depth: int
    multiplier: int
    shift: int


def softmax_int8_twice(params: Int8, tensor: Array, table: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: exp from a table, one reciprocal a row, in fixed point.

    Args:
        tensor: int8 [rows * depth].
        table: int32 [256], exp of how far a number is below the largest, 31 fractional bits.

    Source: Softmax in tensorflow/lite/kernels/internal/reference/softmax.h.
    """
    return (_fixed_point(params, tensor, table, 8) - 128).astype(np.int8)


def softmax_int8_int16_twice(params: Int8, tensor: Array, table: Array) -> npt.NDArray[np.int16]:
    """Define the kernel for an int16 output: the same with 8 bits more.

    Args:
        tensor: int8 [rows * depth].
        table: int32 [256], as of ``softmax_int8_twice``.
    """
    return (_fixed_point(params, tensor, table, 16) - 32768).astype(np.int16)


def softmax_uint8_twice(params: Int8, tensor: Array, table: Array) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel: as that of int8, from 0.

    Args:
        tensor: uint8 [rows * depth].
        table: int32 [256], as of ``softmax_int8_twice``.
    """
    return _fixed_point(params, tensor, table, 8).astype(np.uint8)


def softmax_uint8_int16_twice(params: Int8, tensor: Array, table: Array) -> npt.NDArray[np.int16]:
    """Define the kernel for an int16 output: the same with 8 bits more.

    Args:
        tensor: uint8 [rows * depth].
        table: int32 [256], as of ``softmax_int8_twice``.
    """
    return (_fixed_point(params, tensor, table, 16) - 32768).astype(np.int16)


def _fixed_point(params: Int8, tensor: Array, table: Array, bits: int) -> Array:
    """Return the shares with ``bits`` fractional bits, at most 1 - 2**-bits."""
    powers = table[_below(params, tensor)].astype(np.int64)
    # 19 fractional bits; at least one of them is 1, so that the sum has 20 bits or more.
    total = rounding_shift(powers, 12).sum(axis=1, keepdims=True)
    zeros = leading_zeros(total)
    share = product(reciprocal((total << zeros) - 2**31), powers)
    right = 12 - zeros + 31 - bits
    output = np.where(right > 31, 0, rounding_shift(share, np.minimum(right, 31)))
    clamped: Array = np.minimum(output, 2**bits - 1).ravel()
    return clamped


def _below(params: Any, tensor: Array) -> Array:
    """Return [rows, depth] how far numbers are below the largest of their row."""
    x = tensor.reshape(params.rows, params.depth).astype(np.int64)
    below: Array = x.max(axis=1, keepdims=True) - x
    return below


def softmax_int8_float(params: Int8Float, tensor: Array, table: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel that LiteRT runs by default: float32, sums from left to right.

    Args:
        tensor: int8 [rows * depth].
        table: float32 [256], exp of how far a number is below the largest.

    Source: Softmax in tensorflow/lite/kernels/internal/optimized/optimized_ops.h.
    """
    return (_real(params, tensor, table, 255) - 128).astype(np.int8)


def softmax_int8_int16_float(
    params: Int8Float, tensor: Array, table: Array
) -> npt.NDArray[np.int16]:
    """Define the same for an int16 output.

    Args:
        tensor: int8 [rows * depth].
        table: float32 [256], as of ``softmax_int8_float``.
    """
    return (_real(params, tensor, table, 65535) - 32768).astype(np.int16)


def _real(params: Int8Float, tensor: Array, table: Array, highest: int) -> Array:
    """Return the shares in units of the output's scale, rounded, halves up."""
    powers = table[_below(params, tensor)]
    # A running sum adds in order; sum() does not.
    total = np.cumsum(powers, axis=1, dtype=np.float32)[:, -1:]
    scale = float32_of(params.scale)
    share = powers * (np.float32(1) / (total * scale))
    rounded = np.trunc(share) + (share - np.trunc(share) >= np.float32(0.5))
    clamped: Array = np.minimum(rounded.astype(np.int64), highest).ravel()
    return clamped


def softmax_int16_twice(
    params: Int16, tensor: Array, exponentials: Array, reciprocals: Array
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: exp and 1 / (1 + x) from tables that are interpolated.

    Args:
        tensor: int16 [rows * depth].
        exponentials: int16 [513], from -10 to 0.
        reciprocals: int16 [513], from 0 to 1.

    Source: SoftmaxInt16 in tensorflow/lite/kernels/internal/reference/softmax.h.
    """
    moved = rescale_twice(-_below(params, tensor), params.multiplier, params.shift) + 32767
    # Sums wrap as int32 does.
    powers = _looked_up(moved.astype(np.int32).astype(np.int64), exponentials)
    total = powers.sum(axis=1, keepdims=True)
    zeros = leading_zeros(total)
    # From 1 to 2 with 16 fractional bits, less 1, less half the table.
    above = (((total << (zeros - 1)) + 2**13) >> 14) - 2**16 - 2**15
    right = 31 - zeros
    output = (powers * _looked_up(above, reciprocals) + (1 << (right - 1))) >> right
    clamped: npt.NDArray[np.int16] = np.clip(output, 0, 32767).astype(np.int16).ravel()
    return clamped


def _looked_up(values: Array, table: Array) -> Array:
    """Return the table's values, interpolated between its entries, of indices clamped to int16.

    Source: LUTLookup in tensorflow/lite/kernels/internal/common.h.
    """
    clamped = np.clip(values, -32768, 32767)
    index = 256 + (clamped >> 7)
    base = table[index].astype(np.int64)
    slope = table[index + 1] - base
    result: Array = base + ((slope * (clamped & 127) + 64) >> 7)
    return result


def softmax_float32(params: Float32, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: exp and sums, from left to right, in double.

    The error is below 2**-23 of a result, and 2**-149 where it is denormal.

    Args:
        tensor: float32 [rows * depth].
    """
    x = tensor.reshape(params.rows, params.depth)
    least = np.finfo(np.float32).min
    largest = np.fmax.reduce(x, axis=1, keepdims=True, initial=least).astype(np.float64)
    beta = float32_of(params.beta).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        powers = exponential.exp((x.astype(np.float64) - largest) * beta)
        total = np.cumsum(powers, axis=1)[:, -1:]
        return (powers.astype(np.float32) / total).astype(np.float32).ravel()
