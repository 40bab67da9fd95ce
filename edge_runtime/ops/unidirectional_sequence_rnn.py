"""UNIDIRECTIONAL_SEQUENCE_RNN: ``state = activation(input @ w.T + state @ recurrent.T + bias)``.

RNN is one step of it. Floats are within 1e-6 of LiteRT's, which differ by the order of sums.
"""

from __future__ import annotations

from edge_runtime.fixed_point import float_bits
from edge_runtime.ops.activation import BOUNDS, INFINITY
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import computed, describe, is_state, named

WEIGHTS, RECURRENT, BIAS, STATE = range(1, 5)
"""Positions of the inputs but for the first."""

TANH = len(BOUNDS)
"""In enum ActivationFunctionType, behind those that have bounds."""


def five_inputs(call: Call) -> str | None:
    """It has five inputs."""
    present = sum(tensor is not None for tensor in call.inputs)
    return None if present == len(call.inputs) == 5 else str(present)


def types_are_supported(call: Call) -> str | None:
    """All tensors are float32."""
    types = [tensor.dtype for tensor in (*call.inputs, call.output) if tensor]
    return None if set(types) == {"float32"} else ", ".join(types)


def weights_are_constant(call: Call) -> str | None:
    """Weights and bias are constants of the file."""
    return computed(*call.inputs[WEIGHTS:STATE])


def shapes_fit(call: Call) -> str | None:
    """The input is [batches, times, inputs], of RNN [batches, inputs], and weights fit to it."""
    tensor, weights = call.input(0), call.input(WEIGHTS)
    rank = 2 if call.op.name == "RNN" else 3
    if len(tensor.shape) == rank and tensor.elements and weights.elements:
        units = weights.shape[:1]
        shapes = (*units, tensor.shape[-1]), units * 2, units
        if shapes == tuple(call.input(at).shape for at in (WEIGHTS, RECURRENT, BIAS)):
            return None
    return ", ".join(describe(call.input(at)) for at in range(STATE))


def state_fits(call: Call) -> str | None:
    """The state is a variable tensor of batches * units elements, and no other tensor of the op."""
    state, sizes = call.input(STATE), _sizes(call)
    fits = state.elements == sizes["batches"] * sizes["units"]
    return None if fits and is_state(call, state) else named(state)


def activation_is_known(call: Call) -> str | None:
    """The fused activation is NONE, RELU, RELU_N1_TO_1, RELU6 or TANH."""
    code = call.op.options["fused_activation"]
    return None if 0 <= code <= TANH else str(code)


CONSTRAINTS = (
    five_inputs,
    types_are_supported,
    weights_are_constant,
    shapes_fit,
    state_fits,
    activation_is_known,
)


def _sizes(call: Call) -> dict[str, int]:
    *sequence, inputs = call.input(0).shape
    batches, times = (*sequence, 1)[:2]
    time_major = call.op.options.get("time_major", 0) != 0
    if time_major:
        batches, times = times, batches
    units = call.input(WEIGHTS).shape[0]
    return {
        "batches": batches,
        "times": times,
        "inputs": inputs,
        "units": units,
        "time_major": int(time_major),
    }


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape with the units in place of the inputs."""
    return ((*call.input(0).shape[:-1], call.input(WEIGHTS).shape[0]),)


def lower(call: Call) -> Kernel:
    """Return the kernel."""
    code = call.op.options["fused_activation"]
    low, high = (*BOUNDS.values(), (-INFINITY, INFINITY))[code]
    params = {
        **_sizes(call),
        "tanh": int(code == TANH),
        "lowest": float_bits(low),
        "highest": float_bits(high),
    }
    weights = (WEIGHTS, RECURRENT, BIAS)
    return Kernel("rnn_float32", params, tuple(range(5)), rows=None, weights=weights)
