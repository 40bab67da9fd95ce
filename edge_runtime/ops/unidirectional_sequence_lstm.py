"""UNIDIRECTIONAL_SEQUENCE_LSTM: a sequence through LSTM cells, whose states stay between runs.

LSTM is one step of it.

Without some inputs the input gate is 1 less the forget gate (no weights of the input gate), gates
do not look at the cell (no peephole weights), the output is the hidden vector (no projection), and
gates are not normalised.

Floats are within 1e-6 of LiteRT's after a few steps, which differ by the order of sums; large
recurrent weights may enlarge that from step to step. What int8 weights (hybrid) multiply is
quantised first: where another last bit leads to another step, the output is off by its size.

Integers have LiteRT's bytes, which are those of all its resolvers. TFLite Micro interpolates tables
instead of gemmlowp's functions, and is not followed.
"""

from __future__ import annotations

from edge_runtime.fixed_point import float_bits, power_of_two
from edge_runtime.ops import lstm_int8
from edge_runtime.ops.call import Call, Kernel, float32s
from edge_runtime.ops.constraints import affine, computed, describe, is_state, per_tensor
from edge_runtime.ops.lstm import (
    BIASES,
    CELL_STATE,
    CONSTANT,
    INPUTS,
    NORMS,
    OUTPUT_STATE,
    PEEPHOLES,
    PROJECTION,
    PROJECTION_BIAS,
    RECURRENT,
    WEIGHTS,
    sizes,
)

TANH = 4
"""In enum ActivationFunctionType."""

MATRICES = (*WEIGHTS, *RECURRENT, PROJECTION)
TYPES = {
    "float32": {},
    "int8": {
        **dict.fromkeys((0, *MATRICES, OUTPUT_STATE, INPUTS), "int8"),
        **dict.fromkeys((*BIASES, PROJECTION_BIAS), "int32"),
        **dict.fromkeys((*PEEPHOLES, *NORMS, CELL_STATE), "int16"),
    },
    "hybrid": dict.fromkeys((*MATRICES, *PEEPHOLES), "int8"),
}
"""Kind -> element types of the op's inputs by their positions, its output last; float32 where none
is said."""

CELL_SCALES = range(-15, -8)
"""Powers of two that can be the scale of the cell state."""

MOST_NORM = 2.0**17
"""Bound of the scale of normalisation coefficients."""

MAX_DEPTH = 2**16
"""Most products of int8 whose sum fits int32 in every case."""


def _kind(call: Call) -> str:
    """Return the key of TYPES."""
    types = call.input(0).dtype, call.input(WEIGHTS[1]).dtype
    return "hybrid" if types == ("float32", "int8") else types[0]


def input_count_fits(call: Call) -> str | None:
    """It has 20 or 24 inputs."""
    count = len(call.inputs)
    return None if count in (NORMS[0], INPUTS) else str(count)


def kernel_is_full(call: Call) -> str | None:
    """The kernel of LSTM is FULL."""
    kernel = call.op.options.get("kernel_type", 0)
    return str(kernel) if kernel else None


def parts_fit(call: Call) -> str | None:
    """Weights of a kind are all there or none, but for those of the input gate: all or none."""
    kinds = (WEIGHTS, RECURRENT, BIASES, PEEPHOLES, NORMS)
    coupled = call.optional(WEIGHTS[0]) is None
    for kind in kinds:
        present = [call.optional(position) is not None for position in kind]
        optional = kind in (PEEPHOLES, NORMS) and not any(present)
        if not optional and present != [not coupled, *(True for _ in kind[1:])]:
            return f"{present.count(True)} of inputs {kind[0]} to {kind[-1]}"
    if call.optional(PROJECTION) is None and call.optional(PROJECTION_BIAS) is not None:
        return "a bias without a projection"
    return None


def types_are_supported(call: Call) -> str | None:
    """All float32; the same, weights int8; or int8, cells/peepholes/norms int16, biases int32."""
    types = TYPES.get(_kind(call))
    tensors = {**dict(enumerate(call.inputs)), INPUTS: call.output}
    for position, tensor in tensors.items():
        if tensor and (types is None or tensor.dtype != types.get(position, "float32")):
            what = "output" if position == INPUTS else f"input {position}"
            return f"{what} of {tensor.dtype}"
    return None


def weights_are_constant(call: Call) -> str | None:
    """Weights and biases are constants of the file."""
    return computed(*(call.optional(position) for position in CONSTANT))


def shapes_fit(call: Call) -> str | None:
    """The input is [batches, times, inputs], of LSTM [batches, inputs], and weights fit to it."""
    tensor, rows = call.input(0), call.input(RECURRENT[3])
    rank = 2 if call.op.name == "LSTM" else 3
    if (
        len(tensor.shape) != rank
        or len(rows.shape) != 2
        or not tensor.elements
        or not rows.elements
    ):
        return f"{describe(tensor)} and recurrent weights {describe(rows)}"
    inputs, (cells, outputs) = tensor.shape[-1], rows.shape
    expected = {
        **dict.fromkeys(WEIGHTS, (cells, inputs)),
        **dict.fromkeys(RECURRENT, (cells, outputs)),
        **dict.fromkeys((*PEEPHOLES, *BIASES, *NORMS), (cells,)),
        PROJECTION: (outputs, cells),
        PROJECTION_BIAS: (outputs,),
    }
    for position, shape in expected.items():
        part = call.optional(position)
        if part is not None and part.shape != shape:
            return f"input {position} {describe(part)} for {list(shape)}"
    if call.optional(PROJECTION) is None and outputs != cells:
        return f"{outputs} outputs of {cells} cells without a projection"
    return None


def states_fit(call: Call) -> str | None:
    """The states are two variable tensors of batches * outputs and batches * cells elements."""
    states = call.input(OUTPUT_STATE), call.input(CELL_STATE)
    cells, outputs = call.input(RECURRENT[3]).shape
    batches = sizes(call)["batches"]
    for state, size in zip(states, (outputs, cells), strict=True):
        if not is_state(call, state) or state.elements != batches * size:
            return f"{state.name!r}, {describe(state)}, for {batches} * {size}"
    return None


def depth_fits(call: Call) -> str | None:
    """Sums of int8 have at most 65,536 products."""
    deepest = max(sizes(call)[name] for name in ("inputs", "outputs", "cells"))
    return None if _kind(call) == "float32" or deepest <= MAX_DEPTH else str(deepest)


def quantization_fits(call: Call) -> str | None:
    """Tensors of int8 and int16 have one scale each, and weights the zero point 0."""
    for position, tensor in enumerate((*call.inputs, call.output)):
        if tensor is None or tensor.dtype not in ("int8", "int16"):
            continue
        if not per_tensor(tensor) or (position in CONSTANT and affine(tensor)[1]):
            return f"{tensor.name!r}: {tensor.quantization}"
    return None


def intermediates_fit(call: Call) -> str | None:
    """Int8 needs 5 intermediate tensors, with scales of normalised gates and the hidden vector."""
    if call.input(0).dtype == "float32":
        return None
    first = lstm_int8.HIDDEN if call.optional(NORMS[1]) is None else 0
    if len(call.intermediates) != lstm_int8.HIDDEN + 1:
        return str(len(call.intermediates))
    missing = [one.name for one in call.intermediates[first:] if not per_tensor(one)]
    return f"{missing[0]!r} without one" if missing else None


def cell_scale_fits(call: Call) -> str | None:
    """The scale of an int16 cell state is a power of two from 2**-15 to 2**-9."""
    if call.input(0).dtype == "float32":
        return None
    scale, _ = affine(call.input(CELL_STATE))
    return None if power_of_two(scale) in CELL_SCALES else str(scale)


def norm_scales_fit(call: Call) -> str | None:
    """The scales of int16 normalisation coefficients are below 2**17."""
    for position in NORMS:
        tensor = call.optional(position)
        if tensor and tensor.dtype == "int16" and affine(tensor)[0] >= MOST_NORM:
            return str(affine(tensor)[0])
    return None


def peepholes_fit(call: Call) -> str | None:
    """With int16 peepholes there are as many outputs as cells."""
    size = sizes(call)
    if not size["peephole"] or call.input(0).dtype == "float32" or size["cells"] == size["outputs"]:
        return None
    return f"{size['outputs']} and {size['cells']}"


def rounding_is_not_micro(call: Call) -> str | None:
    """Int8 is not run with the rounding of TFLite Micro."""
    micro = call.rounding == "tflite-micro" and call.input(0).dtype == "int8"
    return call.rounding if micro else None


def activation_is_tanh(call: Call) -> str | None:
    """The activation is TANH."""
    code = call.op.options["fused_activation"]
    return None if code == TANH else str(code)


def clips_fit(call: Call) -> str | None:
    """The bounds of cell and projection are not negative."""
    clips = call.op.options["cell_clip"], call.op.options["proj_clip"]
    return None if all(clip >= 0 for clip in clips) else str(clips)


CONSTRAINTS = (
    kernel_is_full,
    input_count_fits,
    parts_fit,
    types_are_supported,
    weights_are_constant,
    shapes_fit,
    depth_fits,
    states_fit,
    quantization_fits,
    intermediates_fit,
    cell_scale_fits,
    norm_scales_fit,
    peepholes_fit,
    rounding_is_not_micro,
    activation_is_tanh,
    clips_fit,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape with the outputs in place of the inputs."""
    return ((*call.input(0).shape[:-1], call.input(RECURRENT[3]).shape[1]),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the element types, which reads all inputs of the op.

    Weights of the forget gate stand for what is left out.
    """
    inputs = tuple(
        WEIGHTS[1] if call.optional(position) is None else position for position in range(INPUTS)
    )
    if call.input(0).dtype == "int8":
        params, constants = lstm_int8.params(call), lstm_int8.constants(call)
        return Kernel("lstm_int8_twice", params, inputs, constants, rows=None, weights=CONSTANT)
    params = {
        **sizes(call),
        "projection_bias": int(call.optional(PROJECTION_BIAS) is not None),
        "asymmetric": int(call.op.options["asymmetric_quantize_inputs"] != 0),
        "cell_clip": float_bits(call.op.options["cell_clip"]),
        "projection_clip": float_bits(call.op.options["proj_clip"]),
    }
    if _kind(call) == "float32":
        return Kernel("lstm_float32", params, inputs, rows=None, weights=CONSTANT)
    weights = (call.optional(position) for position in range(1, INPUTS))
    scales = [affine(one)[0] if one and one.dtype == "int8" else 1.0 for one in weights]
    constants = (float32s(scales),)
    return Kernel("lstm_float32_hybrid", params, inputs, constants, rows=None, weights=CONSTANT)
