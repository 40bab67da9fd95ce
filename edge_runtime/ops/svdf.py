"""SVDF: a dense layer over the last inputs, of which each unit sees some features.

int8 has a state and time weights of int16, and rounds twice in LiteRT and in TFLite Micro; XNNPACK
does not have it.
"""

from __future__ import annotations

from edge_runtime.fixed_point import quantize_multiplier
from edge_runtime.ops.activation import BOUNDS, activation_is_known, unlimited_bounds
from edge_runtime.ops.call import Call, Constant, Kernel, int32s
from edge_runtime.ops.constraints import affine, computed, describe, is_state, not_affine

FEATURES, TIMES, BIAS, STATE = range(1, 5)
"""Positions of the inputs but for the first."""

TYPES = (
    ("float32", "float32", "float32", "float32", "float32"),
    ("int8", "int8", "int16", "int32", "int16"),
)
"""Element types of input and output, feature weights, time weights, bias and state."""


def inputs_fit(call: Call) -> str | None:
    """It has five inputs, of which the bias may be left out."""
    absent = [at for at, tensor in enumerate(call.inputs) if tensor is None]
    return None if len(call.inputs) == 5 and absent in ([], [BIAS]) else str(len(call.inputs))


def types_are_supported(call: Call) -> str | None:
    """All is float32; or int8, with time weights and state of int16."""
    types = [tensor.dtype if tensor else "none" for tensor in call.inputs]
    for known in TYPES:
        pairs = zip(types, known, strict=True)
        if call.output.dtype == known[0] and all(one in (other, "none") for one, other in pairs):
            return None
    return ", ".join([*types, call.output.dtype])


def weights_are_constant(call: Call) -> str | None:
    """Weights and bias are constants of the file."""
    return computed(*call.inputs[FEATURES:STATE])


def shapes_fit(call: Call) -> str | None:
    """Weights are [filters, inputs] and [filters, memory], and each unit has rank filters."""
    (tensor, features, times), bias = (call.input(at) for at in range(3)), call.inputs[BIAS]
    rank = call.op.options["rank"]
    shapes = tensor.shape, features.shape, times.shape
    if rank > 0 and all(len(shape) == 2 and 0 not in shape for shape in shapes):
        filters = features.shape[0]
        same = features.shape[1] == tensor.shape[1] and times.shape[0] == filters
        fits = bias is None or bias.shape == (filters // rank,)
        if same and fits and filters % rank == 0:
            return None
    parts = ", ".join(describe(part) for part in (tensor, features, times, bias) if part)
    return f"{parts}, rank {rank}"


def state_fits(call: Call) -> str | None:
    """The state is a variable tensor [batches, filters * memory] that is no other tensor of it."""
    state, (filters, memory) = call.input(STATE), call.input(TIMES).shape
    shape = (call.input(0).shape[0], filters * memory)
    return None if is_state(call, state) and state.shape == shape else describe(state)


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale and zero point, int16 the zero point 0."""
    inputs = (call.input(at) for at in (0, FEATURES, TIMES, STATE))
    return not_affine(*inputs, call.output)


def activation_of_int8_is_relu(call: Call) -> str | None:
    """The fused activation of int8 is RELU."""
    code = call.op.options["fused_activation"]
    return str(code) if call.output.dtype == "int8" and code != list(BOUNDS).index("RELU") else None


CONSTRAINTS = (
    inputs_fit,
    types_are_supported,
    weights_are_constant,
    shapes_fit,
    state_fits,
    quantization_fits,
    activation_is_known,
    activation_of_int8_is_relu,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return [batches, units]."""
    return ((call.input(0).shape[0], call.input(FEATURES).shape[0] // call.op.options["rank"]),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type."""
    batches, inputs = call.input(0).shape
    units, bias = call.output.shape[1], call.inputs[BIAS]
    size = {
        "batches": batches,
        "inputs": inputs,
        "units": units,
        "rank": call.op.options["rank"],
        "memory": call.input(TIMES).shape[1],
    }
    numbers = int32s([0] * units)
    if bias is not None:
        assert bias.data is not None
        numbers = Constant(bias.dtype, bytes(bias.data))
    if call.output.dtype == "float32":
        name, params = "svdf_float32", {**size, **unlimited_bounds(call)}
        constant = Constant("float32", numbers.data)
    else:
        name, params, constant = "svdf_int8_twice", {**size, **_quantization(call)}, numbers
    read, weights = (0, FEATURES, TIMES, STATE), (FEATURES, TIMES)
    return Kernel(name, params, read, (constant,), rows=None, weights=weights)


def _quantization(call: Call) -> dict[str, int]:
    """Return zero points and factors of int8.

    LiteRT asks for RELU and does not apply it: the output's zero point does.

    Source: Prepare in tensorflow/lite/kernels/svdf.cc.
    """
    (scale, offset), (output, zero_point) = affine(call.input(0)), affine(call.output)
    features, times, state = (affine(call.input(at))[0] for at in (FEATURES, TIMES, STATE))
    state_multiplier, state_shift = quantize_multiplier(scale * features / state)
    multiplier, shift = quantize_multiplier(state * times / output)
    return {
        "input_zero_point": offset,
        "state_multiplier": state_multiplier,
        "state_shift": state_shift,
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": zero_point,
    }
