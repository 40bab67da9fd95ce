"""The kernels of UNIDIRECTIONAL_SEQUENCE_LSTM of float32 in NumPy; in C lstm_float32.c.

Source: EvalFloat and EvalHybrid in tensorflow/lite/kernels/lstm_eval.cc.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.fixed_point import float_bits
from edge_runtime.kernels import logistic, tanh
from edge_runtime.kernels.dense_float32 import added_product
from edge_runtime.kernels.float_bits import float32_of
from edge_runtime.kernels.hybrid import quantize_hybrid
from edge_runtime.kernels.unary import Count
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]

INPUT_GATE, FORGET_GATE, CELL_GATE, OUTPUT_GATE = range(4)
WEIGHTS, RECURRENT, PEEPHOLES, BIASES = 1, 5, 9, 12
PROJECTION, PROJECTION_BIAS, OUTPUT_STATE, CELL_STATE, NORMS = 16, 17, 18, 19, 20
"""Positions of the op's inputs, the first of several."""


@record
class LstmFloat32:
    """Parameters of both kernels; the clips are the bits of float32 numbers, 0 for none.

    Attributes:
        coupled: whether the input gate is 1 less the forget gate.
        asymmetric: whether vectors that int8 weights are multiplied with have zero points.
    """

    batches: int
    times: int
    inputs: int
    cells: int
    outputs: int
    time_major: int
    coupled: int
    peephole: int
    projection: int
    layer_norm: int
    projection_bias: int
    asymmetric: int
    cell_clip: int
    projection_clip: int


def lstm_float32(params: LstmFloat32, *tensors: Array) -> npt.NDArray[np.float32]:
    """Define the kernel: products as those of FULLY_CONNECTED, functions as LOGISTIC and TANH.

    Args:
        tensors: all inputs of the op; another one in place of one that is left out. The two states
            are written.
    """
    return _run(params, tensors, None)


def lstm_float32_hybrid(params: LstmFloat32, *tensors: Array) -> npt.NDArray[np.float32]:
    """Define the kernel of int8 weights: vectors are quantised, each with a scale of its own.

    Args:
        tensors: all inputs of the op, likewise, and the scales of its inputs but the first.
    """
    *operands, scales = tensors
    return _run(params, tuple(operands), np.concatenate([np.ones(1, np.float32), scales]))


def _run(
    params: LstmFloat32, tensors: tuple[Array, ...], scales: Array | None
) -> npt.NDArray[np.float32]:
    sequence = (
        (params.times, params.batches) if params.time_major else (params.batches, params.times)
    )
    steps = tensors[0].reshape(*sequence, params.inputs)
    output = np.empty((*sequence, params.outputs), np.float32)
    state = tensors[OUTPUT_STATE].reshape(params.batches, params.outputs)
    cell = tensors[CELL_STATE].reshape(params.batches, params.cells)
    lstm = _Lstm(params, tensors, scales)
    for time in range(params.times):
        at: Any = (time,) if params.time_major else (slice(None), time)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            lstm.step(steps[at], state, cell)
        output[at] = state
    return output.ravel()


@record
class _Lstm:
    """Weights of an LSTM, which are int8 where there are scales."""

    params: LstmFloat32
    tensors: tuple[Array, ...]
    scales: Array | None

    def step(self, x: Array, state: Array, cell: Array) -> None:
        """Advance the states, [batches, outputs] and [batches, cells], by one time."""
        params = self.params
        forget = self.gate(FORGET_GATE, x, state, cell)
        modulation = self.gate(CELL_GATE, x, state, cell)
        coupled = np.float32(1) - forget
        entry = coupled if params.coupled else self.gate(INPUT_GATE, x, state, cell)
        cell[:] = _clipped(forget * cell + modulation * entry, params.cell_clip)
        hidden = self.gate(OUTPUT_GATE, x, state, cell) * _tanh(cell)
        if params.projection:
            bias = np.zeros_like(state)
            if params.projection_bias:
                bias += self.tensors[PROJECTION_BIAS]
            hidden = _clipped(self.product(PROJECTION, hidden, bias), params.projection_clip)
        state[:] = hidden

    def gate(self, gate: int, x: Array, state: Array, cell: Array) -> Array:
        """Return a gate, [batches, cells]."""
        params, tensors = self.params, self.tensors
        bias = np.broadcast_to(tensors[BIASES + gate], cell.shape)
        values = self.product(WEIGHTS + gate, x, np.zeros_like(bias) if params.layer_norm else bias)
        values = self.product(RECURRENT + gate, state, values)
        if params.peephole and gate != CELL_GATE:
            looking = PEEPHOLES + (2 if gate == OUTPUT_GATE else gate)
            scale = np.float32(1) if self.scales is None else self.scales[looking]
            values = values + scale * tensors[looking].astype(np.float32) * cell
        if params.layer_norm:
            values = _normalised(values) * tensors[NORMS + gate] + bias
        return _tanh(values) if gate == CELL_GATE else _logistic(values)

    def product(self, position: int, vectors: Array, sums: Array) -> Array:
        """Return vectors times the rows of the matrix at a position, added to sums."""
        matrix = self.tensors[position]
        if self.scales is None:
            return added_product(matrix, vectors, sums)
        quantized, scales = quantize_hybrid(vectors, self.params.asymmetric)
        total = quantized @ matrix.reshape(-1, vectors.shape[1]).T.astype(np.int64)
        factors = scales * self.scales[position]
        result: Array = sums + total.astype(np.float32) * factors[:, None]
        return result


def _normalised(values: Array) -> Array:
    """Return rows with the mean 0 and the variance 1; sums one number after another."""
    count = np.float32(values.shape[1])
    mean = _sum(values) / count
    squares = _sum((values - mean) * (values - mean))
    factor = np.float32(1) / np.sqrt(squares / count + np.float32(1e-8))
    normalised: Array = (values - mean) * factor
    return normalised


def _sum(values: Array) -> Array:
    total = np.zeros((len(values), 1), np.float32)
    for column in range(values.shape[1]):
        total = total + values[:, column : column + 1]
    return total


def _clipped(values: Array, clip: int) -> Array:
    bound = float32_of(clip)
    if not bound > 0:
        return values
    values = np.where(values < -bound, -bound, values)
    return np.where(values > bound, bound, values)


def _tanh(values: Array) -> Array:
    return tanh.tanh_float32(Count(values.size), values)


def _logistic(values: Array) -> Array:
    return logistic.logistic_float32(logistic.Float32(values.size, float_bits(-np.inf)), values)
