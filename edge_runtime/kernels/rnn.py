"""The kernel of UNIDIRECTIONAL_SEQUENCE_RNN in NumPy; in C rnn.c.

Source: RnnBatchStep in tensorflow/lite/kernels/internal/kernel_utils.cc.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels import tanh
from edge_runtime.kernels.activation import clamped_float32
from edge_runtime.kernels.dense_float32 import added_product
from edge_runtime.kernels.unary import Count
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Rnn:
    """Parameters of ``rnn_float32``; the bounds are the bits of float32 numbers."""

    batches: int
    times: int
    inputs: int
    units: int
    time_major: int
    tanh: int
    lowest: int
    highest: int


def rnn_float32(
    params: Rnn, tensor: Array, weights: Array, recurrent: Array, bias: Array, state: Array
) -> npt.NDArray[np.float32]:
    """Define the kernel: products as those of FULLY_CONNECTED, tanh as TANH.

    Args:
        tensor: float32, the input.
        weights: float32 [units * inputs].
        recurrent: float32 [units * units].
        bias: float32 [units].
        state: float32 [batches * units], which is written.
    """
    sequence = (
        (params.times, params.batches) if params.time_major else (params.batches, params.times)
    )
    steps = tensor.reshape(*sequence, params.inputs)
    output = np.empty((*sequence, params.units), np.float32)
    for time in range(params.times):
        at: Any = (time,) if params.time_major else (slice(None), time)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            sums = _product(params, weights, steps[at].ravel(), params.inputs, bias)
            sums = _product(params, recurrent, state, params.units, sums)
        value = tanh.tanh_float32(Count(sums.size), sums) if params.tanh else sums
        state[:] = clamped_float32(value, params.lowest, params.highest)
        output[at] = state.reshape(params.batches, params.units)
    return output.ravel()


def _product(params: Rnn, matrix: Array, vectors: Array, depth: int, sums: Array) -> Array:
    """Return a vector of each batch times the rows of a matrix, added to sums."""
    shape = params.batches, params.units
    total = np.broadcast_to(sums.view(np.float32), shape)
    return added_product(matrix, vectors.reshape(-1, depth), total)
