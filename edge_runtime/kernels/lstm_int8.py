"""The kernel of UNIDIRECTIONAL_SEQUENCE_LSTM of int8 in NumPy; in C lstm_int8.c.

Gates and cells are int16, as gemmlowp's fixed-point numbers. Everything is rounded twice.

Source: EvalInteger8x8_16 in tensorflow/lite/kernels/lstm_eval.cc, and
internal/reference/portable_tensor_utils.cc.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime import gemmlowp
from edge_runtime.fixed_point import rescale_twice, rounding_shift
from edge_runtime.kernels.inverse_root import inverse_root
from edge_runtime.kernels.lstm_float32 import (
    BIASES,
    CELL_GATE,
    CELL_STATE,
    FORGET_GATE,
    INPUT_GATE,
    NORMS,
    OUTPUT_GATE,
    OUTPUT_STATE,
    PEEPHOLES,
    PROJECTION,
    RECURRENT,
    WEIGHTS,
)
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]

GATES = 4
INT8, INT16 = np.iinfo(np.int8), np.iinfo(np.int16)
PRODUCTS, PEEPHOLE_FACTORS, HIDDEN_FACTOR, PROJECTION_FACTOR = (0, GATES), 2 * GATES, 12, 13
"""Rows of the factors."""


@record
class LstmInt8:
    """Parameters of ``lstm_int8_twice``; the clips are whole steps, 0 for none.

    Attributes:
        coupled: whether the input gate is 1 less the forget gate.
        cell_bits: integer bits of the cell state.
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
    cell_bits: int
    cell_clip: int
    projection_clip: int
    hidden_zero_point: int
    state_zero_point: int


def lstm_int8_twice(params: LstmInt8, *tensors: Array) -> npt.NDArray[np.int8]:
    """Define the kernel.

    Args:
        tensors: all inputs of the op, another one in place of one that is left out, and the
            constants of ``ops/lstm_int8.py``. The two states are written.
    """
    sequence = (
        (params.times, params.batches) if params.time_major else (params.batches, params.times)
    )
    steps = tensors[0].reshape(*sequence, params.inputs)
    output = np.empty((*sequence, params.outputs), np.int8)
    state = tensors[OUTPUT_STATE].reshape(params.batches, params.outputs)
    cell = tensors[CELL_STATE].reshape(params.batches, params.cells)
    lstm = _Lstm(params, tensors)
    for time in range(params.times):
        at: Any = (time,) if params.time_major else (slice(None), time)
        lstm.step(steps[at], state, cell)
        output[at] = state
    return output.ravel()


class _Lstm:
    """The kernel's tensors by their meaning."""

    def __init__(self, params: LstmInt8, tensors: tuple[Array, ...]) -> None:
        self.params, self.tensors = params, tensors
        biases, self.projection_bias, factors, norms = tensors[-4:]
        self.biases = biases.reshape(2, GATES, params.cells)
        self.factors = factors.reshape(-1, 2).astype(np.int64)
        self.norms = norms.reshape(GATES, 3)

    def step(self, x: Array, state: Array, cell: Array) -> None:
        """Advance the states, [batches, outputs] and [batches, cells], by one time."""
        params = self.params
        forget = self.gate(FORGET_GATE, x, state, cell)
        modulation = self.gate(CELL_GATE, x, state, cell)
        entry = INT16.max - forget if params.coupled else self.gate(INPUT_GATE, x, state, cell)
        kept = rounding_shift(forget * cell, 15).astype(np.int16)
        added = rounding_shift(entry * modulation, 15 + params.cell_bits).astype(np.int16)
        cell[:] = _clipped(_int16(kept.astype(np.int64) + added), params.cell_clip)
        gate = self.gate(OUTPUT_GATE, x, state, cell)
        product = gate * gemmlowp.tanh(cell.astype(np.int64), params.cell_bits, 16)
        zero_point = params.hidden_zero_point * (-1 if params.projection else 1)
        hidden = self.int8(product, HIDDEN_FACTOR, zero_point)
        if params.projection:
            total = _product(self.tensors[PROJECTION], hidden) + self.projection_bias
            hidden = self.int8(_wrapped(total), PROJECTION_FACTOR, params.state_zero_point)
            hidden = _clipped(hidden, params.projection_clip)
        state[:] = hidden

    def gate(self, gate: int, x: Array, state: Array, cell: Array) -> Array:
        """Return a gate in int64, [batches, cells]."""
        values = np.zeros((len(x), self.params.cells), np.int64)
        for row, kind, vectors in (0, WEIGHTS, x), (1, RECURRENT, state):
            total = _product(self.tensors[kind + gate], vectors) + self.biases[row, gate]
            factor = self.factors[PRODUCTS[row] + gate]
            values = _int16(_wrapped(rescale_twice(_wrapped(total), *factor) + values))
        if self.params.peephole and gate != CELL_GATE:
            weights = self.tensors[PEEPHOLES + (2 if gate == OUTPUT_GATE else gate)]
            factor = self.factors[PEEPHOLE_FACTORS + gate]
            moved = rescale_twice(weights.astype(np.int64) * cell, *factor)
            values = _int16(_wrapped(moved + values))
        if self.params.layer_norm:
            values = self.normalised(gate, values)
        function = gemmlowp.tanh if gate == CELL_GATE else gemmlowp.logistic
        functioned: Array = function(values, 3, 16)
        return functioned

    def normalised(self, gate: int, values: Array) -> Array:
        """Return a gate less its mean, in units of its deviation, weighed.

        Source: PortableApplyLayerNorm.
        """
        weights, bias = self.tensors[NORMS + gate], self.tensors[BIASES + gate]
        multiplier, shift, least = (int(number) for number in self.norms[gate])
        count, unit = values.shape[1], 1 << 20
        rows = []
        for row in values:
            mean = _truncated(int(row.sum()) * 1024, count)
            spread = int((row * row).sum()) * (unit // count) - mean * mean
            variance = _truncated(spread, unit)
            root, right = inverse_root(np.array(variance if variance >= 1 else least))
            centred = rescale_twice(_wrapped(row * 1024 - mean), root, -right)
            weighted = _wrapped(_wrapped(centred * weights) + bias)
            rounded = np.sign(weighted) * ((np.abs(weighted) + 512) // 1024)
            rows.append(_int16(rescale_twice(rounded, multiplier, shift)))
        return np.stack(rows)

    def int8(self, total: Array, factor: int, zero_point: int) -> Array:
        """Return scaled numbers in the range of int8."""
        moved = _wrapped(rescale_twice(total, *self.factors[factor]) + zero_point)
        return np.clip(moved, INT8.min, INT8.max)


def _truncated(value: int, divisor: int) -> int:
    return abs(value) // divisor * (1 if value >= 0 else -1)


def _product(matrix: Array, vectors: Array) -> Array:
    """Return vectors [vectors, depth] times the rows of a flat matrix, in int64."""
    rows = matrix.reshape(-1, vectors.shape[1]).astype(np.int64)
    product: Array = vectors.astype(np.int64) @ rows.T
    return product


def _int16(values: Array) -> Array:
    return np.clip(values, INT16.min, INT16.max)


def _clipped(values: Array, clip: int) -> Array:
    return np.clip(values, -clip, clip) if clip else values


def _wrapped(values: Array) -> Array:
    """Return int64 numbers as int32 arithmetic would have them."""
    return values.astype(np.int32).astype(np.int64)
