"""UNIDIRECTIONAL_SEQUENCE_LSTM: a sequence through LSTM cells, whose states stay between runs.

Without some inputs the input gate is 1 less the forget gate (no weights of the input gate), gates
do not look at the cell (no peephole weights), the output is the hidden vector (no projection), and
gates are not normalised. Floats are within 1e-6 of LiteRT's, which differ by the order of sums.
"""

from __future__ import annotations

from edge_runtime.fixed_point import float_bits
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Tensor

INPUTS = 24
"""Inputs of the op; without normalisation the last 4 may be missing."""

WEIGHTS, RECURRENT, PEEPHOLES, BIASES = range(1, 5), range(5, 9), range(9, 12), range(12, 16)
PROJECTION, PROJECTION_BIAS, OUTPUT_STATE, CELL_STATE, NORMS = 16, 17, 18, 19, range(20, 24)
"""Positions of the inputs: those of gates are of the input, forget, cell and output gate; the cell
gate has no peephole weights."""

CONSTANT = (*range(1, 18), *NORMS)
"""Positions of the weights."""

COUPLED = (WEIGHTS[0], RECURRENT[0], BIASES[0], PEEPHOLES[0], NORMS[0])
"""Positions of what the input gate has."""

TANH = 4
"""In enum ActivationFunctionType."""


def input_count_fits(call: Call) -> str | None:
    """It has 20 or 24 inputs."""
    count = len(call.inputs)
    return None if count in (NORMS[0], INPUTS) else str(count)


def parts_fit(call: Call) -> str | None:
    """Weights of a kind are all there or none, but for those of the input gate: all or none."""
    kinds = (WEIGHTS, RECURRENT, BIASES, PEEPHOLES, NORMS)
    coupled = _find(call, WEIGHTS[0]) is None
    for kind in kinds:
        present = [_find(call, position) is not None for position in kind]
        optional = kind in (PEEPHOLES, NORMS) and not any(present)
        if not optional and present != [not coupled, *(True for _ in kind[1:])]:
            return f"{present.count(True)} of inputs {kind[0]} to {kind[-1]}"
    if _find(call, PROJECTION) is None and _find(call, PROJECTION_BIAS) is not None:
        return "a bias without a projection"
    return None


def types_are_supported(call: Call) -> str | None:
    """All tensors are float32."""
    for position, tensor in enumerate((*call.inputs, call.output)):
        if tensor is not None and tensor.dtype != "float32":
            return f"{tensor.dtype} of input {position}"
    return None


def weights_are_constant(call: Call) -> str | None:
    """Weights and biases are constants of the file."""
    for position in CONSTANT:
        tensor = _find(call, position)
        if tensor is not None and tensor.data is None:
            return f"{tensor.name!r}, which is computed"
    return None


def shapes_fit(call: Call) -> str | None:
    """The input is [batches, times, inputs], and the weights are of as many inputs and cells."""
    tensor, rows = call.input(0), call.input(RECURRENT[3])
    if len(tensor.shape) != 3 or len(rows.shape) != 2 or not tensor.elements or not rows.elements:
        return f"{describe(tensor)} and recurrent weights {describe(rows)}"
    inputs, (cells, outputs) = tensor.shape[2], rows.shape
    expected = {
        **dict.fromkeys(WEIGHTS, (cells, inputs)),
        **dict.fromkeys(RECURRENT, (cells, outputs)),
        **dict.fromkeys((*PEEPHOLES, *BIASES, *NORMS), (cells,)),
        PROJECTION: (outputs, cells),
        PROJECTION_BIAS: (outputs,),
    }
    for position, shape in expected.items():
        part = _find(call, position)
        if part is not None and part.shape != shape:
            return f"input {position} {describe(part)} for {list(shape)}"
    if _find(call, PROJECTION) is None and outputs != cells:
        return f"{outputs} outputs of {cells} cells without a projection"
    return None


def states_fit(call: Call) -> str | None:
    """The states are two variable tensors of batches * outputs and batches * cells elements."""
    states = call.input(OUTPUT_STATE), call.input(CELL_STATE)
    cells, outputs = call.input(RECURRENT[3]).shape
    batches = _sizes(call)["batches"]
    for state, size in zip(states, (outputs, cells), strict=True):
        others = [one for one in (*call.inputs, *call.outputs) if one and one.index == state.index]
        if not state.variable or state.elements != batches * size or len(others) > 1:
            return f"{state.name!r}, {describe(state)}, for {batches} * {size}"
    return None


def activation_is_tanh(call: Call) -> str | None:
    """The activation is TANH."""
    code = call.op.options["fused_activation"]
    return None if code == TANH else str(code)


def clips_fit(call: Call) -> str | None:
    """The bounds of cell and projection are not negative."""
    clips = call.op.options["cell_clip"], call.op.options["proj_clip"]
    return None if all(clip >= 0 for clip in clips) else str(clips)


CONSTRAINTS = (
    input_count_fits,
    parts_fit,
    types_are_supported,
    weights_are_constant,
    shapes_fit,
    states_fit,
    activation_is_tanh,
    clips_fit,
)


def _find(call: Call, position: int) -> Tensor | None:
    return call.inputs[position] if position < len(call.inputs) else None


def _sizes(call: Call) -> dict[str, int]:
    """Return the parameters that all kernels begin with."""
    cells, outputs = call.input(RECURRENT[3]).shape
    batches, times, inputs = call.input(0).shape
    time_major = call.op.options["time_major"] != 0
    if time_major:
        batches, times = times, batches
    return {
        "batches": batches,
        "times": times,
        "inputs": inputs,
        "cells": cells,
        "outputs": outputs,
        "time_major": int(time_major),
        "coupled": int(_find(call, WEIGHTS[0]) is None),
        "peephole": int(_find(call, PEEPHOLES[1]) is not None),
        "projection": int(_find(call, PROJECTION) is not None),
        "projection_bias": int(_find(call, PROJECTION_BIAS) is not None),
        "layer_norm": int(_find(call, NORMS[1]) is not None),
    }


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape with the outputs in place of the inputs."""
    return ((*call.input(0).shape[:2], call.input(RECURRENT[3]).shape[1]),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the element types."""
    params = {
        **_sizes(call),
        "cell_clip": float_bits(call.op.options["cell_clip"]),
        "projection_clip": float_bits(call.op.options["proj_clip"]),
    }
    return _kernel("lstm_float32", call, params)


def _kernel(name: str, call: Call, params: dict[str, int]) -> Kernel:
    """Return a kernel of all inputs: weights of the forget gate in place of what is left out."""
    inputs = tuple(
        WEIGHTS[1] if _find(call, position) is None else position for position in range(INPUTS)
    )
    return Kernel(name, params, inputs, rows=None, weights=CONSTANT)
