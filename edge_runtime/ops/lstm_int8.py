"""LSTMs of int8: factors and biases between the scales of their tensors.

Source: PopulateQuantizedLstmParams8x8_16 and PopulatePrecomputedZPTimesWeightsWithBias in
tensorflow/lite/kernels/unidirectional_sequence_lstm.cc; all in float32.
"""

from __future__ import annotations

from edge_runtime.fixed_point import f32, power_of_two, quantize_multiplier, wrapped
from edge_runtime.ops.call import Call, Constant, int32s
from edge_runtime.ops.constraints import affine
from edge_runtime.ops.lstm import (
    BIASES,
    CELL_STATE,
    NORMS,
    OUTPUT_STATE,
    PEEPHOLES,
    PROJECTION,
    PROJECTION_BIAS,
    RECURRENT,
    WEIGHTS,
    sizes,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Tensor

GATES = range(4)

STEP = 2.0**-12
"""Scale of a gate before its function, where it is not normalised."""

HIDDEN = 4
"""Position, among the intermediate tensors, of the hidden vector; the gates come first."""

NO_FACTOR = (0, 0)


def params(call: Call) -> dict[str, int]:
    """Return the parameters of the kernel."""
    cell = power_of_two(_scale(call.input(CELL_STATE)))
    assert cell is not None
    return {
        **sizes(call),
        "cell_bits": cell + 15,
        "cell_clip": _clip(call, "cell_clip", _scale(call.input(CELL_STATE)), 2**15),
        "projection_clip": _clip(call, "proj_clip", _scale(call.output), 2**7),
        "hidden_zero_point": affine(call.intermediates[HIDDEN])[1],
        "state_zero_point": affine(call.input(OUTPUT_STATE))[1],
    }


def constants(call: Call) -> tuple[Constant, ...]:
    """Return what the kernel reads beside the op's inputs.

    - Biases, int32 [2][gates][cells], of the products with the input and with the output state; the
      zero points are folded in.
    - The bias of the projection, int32 [outputs]; a zero if there is none.
    - Factors, int32 [14][2], multiplier and shift: of these products of each gate, of peepholes of
      each gate, of the hidden vector and of the projection.
    - Int32 [gates][3]: factor of the normalised gate, and its variance if that is less than 1.
    """
    layer_norm = sizes(call)["layer_norm"]
    _, input_offset = affine(call.input(0))
    _, state_offset = affine(call.input(OUTPUT_STATE))
    _, hidden_offset = affine(call.intermediates[HIDDEN])
    biases: list[int] = []
    for kind, offset in (WEIGHTS, -input_offset), (RECURRENT, -state_offset):
        for gate in GATES:
            folded = kind is WEIGHTS and not layer_norm
            bias = call.optional(BIASES[gate]) if folded else None
            biases += _biases(call, call.optional(kind[gate]), bias, offset)
    projection = call.optional(PROJECTION)
    projected = _biases(call, projection, call.optional(PROJECTION_BIAS), hidden_offset)
    return (
        int32s(biases),
        int32s(projected if projection else [0]),
        int32s([number for factor in _factors(call) for number in factor]),
        int32s([number for gate in GATES for number in _norm(call.optional(NORMS[gate]))]),
    )


def _biases(call: Call, matrix: Tensor | None, bias: Tensor | None, offset: int) -> list[int]:
    """Return a bias with ``offset`` times the sum of each row of a matrix."""
    if matrix is None:
        return [0] * call.input(RECURRENT[3]).shape[0]
    assert matrix.data is not None
    rows, depth = matrix.shape
    weights = matrix.data.cast("B").cast("b")
    sums = [sum(weights[row * depth : (row + 1) * depth]) for row in range(rows)]
    numbers = [0] * rows
    if bias is not None:
        assert bias.data is not None
        numbers = list(bias.data.cast("B").cast("i"))
    return [wrapped(one + offset * total) for one, total in zip(numbers, sums, strict=True)]


def _factors(call: Call) -> list[tuple[int, int]]:
    source, state = _scale(call.input(0)), _scale(call.input(OUTPUT_STATE))
    hidden = _scale(call.intermediates[HIDDEN])
    cell = power_of_two(_scale(call.input(CELL_STATE)))
    assert cell is not None
    steps = [
        STEP if call.optional(NORMS[1]) is None else _scale(call.intermediates[gate])
        for gate in GATES
    ]
    factors = []
    for kind, other in (WEIGHTS, source), (RECURRENT, state):
        for gate in GATES:
            weights = call.optional(kind[gate])
            factors.append(_factor(f32(_scale(weights) * other) / steps[gate]) if weights else None)
    for gate, position in enumerate((PEEPHOLES[0], PEEPHOLES[1], None, PEEPHOLES[2])):
        weights = None if position is None else call.optional(position)
        factors.append(_factor(2.0**cell * _scale(weights) / steps[gate]) if weights else None)
    factors.append(_factor(2.0**-15 / hidden * 2.0**-15))
    projection = call.optional(PROJECTION)
    factors.append(_factor(f32(_scale(projection) * hidden) / state) if projection else None)
    return [factor or NO_FACTOR for factor in factors]


def _norm(weights: Tensor | None) -> tuple[int, int, int]:
    """Return multiplier, shift and least variance of a normalised gate."""
    if weights is None:
        return 0, 0, 1
    scale = _scale(weights)
    multiplier, shift = _factor(scale)
    return multiplier, shift + 12, max(1, int(f32(10000 * scale)))


def _factor(factor: float) -> tuple[int, int]:
    return quantize_multiplier(f32(factor))


def _clip(call: Call, name: str, scale: float, limit: int) -> int:
    """Return a bound in steps of a scale, rounded down; 0 if there is none."""
    clip = call.op.options[name]
    return int(min(f32(clip / scale), limit - 1)) if clip > 0 else 0


def _scale(tensor: Tensor) -> float:
    return affine(tensor)[0]
