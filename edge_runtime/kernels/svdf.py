"""The kernels of SVDF in NumPy, which defines their meaning; in C svdf.c.

A unit has several filters (``rank``). Of each the state remembers what the features of the last
inputs were, the latest one last; the output weighs these. Both kernels write the state.

Source: tensorflow/lite/kernels/internal/reference/svdf.h.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import rescale_twice
from edge_runtime.kernels.activation import clamped, clamped_float32
from edge_runtime.kernels.dense_float32 import added_product
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class SvdfFloat32:
    """Parameters of ``svdf_float32``; the bounds are the bits of float32 numbers."""

    batches: int
    inputs: int
    units: int
    rank: int
    memory: int
    lowest: int
    highest: int


@record
class SvdfInt8:
    """Parameters of ``svdf_int8_twice``."""

    batches: int
    inputs: int
    units: int
    rank: int
    memory: int
    input_zero_point: int
    state_multiplier: int
    state_shift: int
    multiplier: int
    shift: int
    zero_point: int


def svdf_float32(
    params: SvdfFloat32, tensor: Array, features: Array, times: Array, state: Array, bias: Array
) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: dot products as those of FULLY_CONNECTED.

    Args:
        tensor: float32 [batches * inputs].
        features: float32 [units * rank * inputs].
        times: float32 [units * rank * memory].
        state: float32 [batches * units * rank * memory].
        bias: float32 [units].
    """
    filters = params.units * params.rank
    rows = _shifted(state, params.memory).reshape(params.batches, filters, params.memory)
    with np.errstate(all="ignore"):
        rows[..., -1] = _products(params.batches, tensor, features, filters)
        # A filter's times are the weights of its own row alone.
        pairs = zip(rows.swapaxes(0, 1), times.reshape(filters, -1), strict=True)
        parts = [_products(params.batches, row.ravel(), time, 1)[:, 0] for row, time in pairs]
        total = np.stack(parts, -1).reshape(params.batches, params.units, params.rank)
        sums = total[..., 0]
        for part in range(1, params.rank):
            sums = sums + total[..., part]
        return clamped_float32(sums + bias, params.lowest, params.highest)


def svdf_int8_twice(
    params: SvdfInt8, tensor: Array, features: Array, times: Array, state: Array, bias: Array
) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: sums of int32, which wrap; state and output are rounded twice.

    Args:
        tensor: int8 [batches * inputs].
        features: int8 [units * rank * inputs].
        times: int16 [units * rank * memory].
        state: int16 [batches * units * rank * memory].
        bias: int32 [units].
    """
    filters = params.units * params.rank
    rows = _shifted(state, params.memory).reshape(params.batches, filters, params.memory)
    x = tensor.reshape(params.batches, -1).astype(np.int64) - params.input_zero_point
    feature = _wrapped(x @ features.reshape(filters, -1).T.astype(np.int64))
    latest = _wrapped(rescale_twice(feature, params.state_multiplier, params.state_shift))
    rows[..., -1] = np.clip(latest, -(2**15), 2**15 - 1)
    products = rows.astype(np.int64) * times.reshape(filters, -1).astype(np.int64)
    total = _wrapped(products.reshape(params.batches, params.units, -1).sum(-1) + bias)
    moved = _wrapped(rescale_twice(total, params.multiplier, params.shift)) + params.zero_point
    return clamped(_wrapped(moved), -128, 127, np.int8)


def _shifted(state: Array, memory: int) -> Array:
    """Return a view of the state's rows, in which each but the last number is the next one."""
    rows = state.reshape(-1, memory)
    rows[:, :-1] = rows[:, 1:].copy()
    return rows


def _products(batches: int, tensor: Array, weights: Array, outputs: int) -> Array:
    """Return float32 products [batches, outputs]."""
    none = np.full((batches, outputs), np.float32(-0.0))  # so that the sum of -0.0 stays
    return added_product(weights, tensor.reshape(batches, -1), none)


def _wrapped(total: Array) -> npt.NDArray[np.int64]:
    """Return int64 numbers as int32 arithmetic would have them."""
    return total.astype(np.int32).astype(np.int64)
