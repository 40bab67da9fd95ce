"""CONV_2D: a window of weights over rows and columns, ``activation(sum(window * weights) + bias)``.

Weights may have a scale for each output. Groups of input channels may have their own outputs, as in
LiteRT's reference kernels: the weights' depth then divides the input's.

Whose bytes integers give:

- "litert": sums rescaled and rounded twice (``rescale_twice``); int16 sums of an int64 bias or none
  are rounded once, with a multiplier of 16 bits. The factors of int8 and int16 are calculated in
  double, those of uint8 round the product of the scales to float32.
- "tflite-micro": the same; TFLite Micro has no uint8.
- "xnnpack": int8 as XNNPACK does it, by a float32 factor, halves to even, where it runs the op:
  all factors below 256. All others give the bytes of "litert".

float32 with int8 weights: each image is quantised, with a zero point where the weights' scales
differ or there are groups. The bytes are LiteRT's, whatever the rounding.
"""

from __future__ import annotations

from edge_runtime.ops.activation import (
    activation_is_known,
    float32_bounds,
    quantized_bounds,
    xnnpack_bounds,
)
from edge_runtime.ops.call import Call, Constant, Kernel, float32s, int32s, int64s
from edge_runtime.ops.constraints import computed, describe
from edge_runtime.ops.per_channel import (
    factors,
    float_factors,
    floats,
    multipliers,
    not_scaled,
    numbers,
    other_bias,
    other_types,
    weight_scales,
    zero_points,
)
from edge_runtime.ops.window import images, places, sizes, window, window_fits

MAX_DEPTH = {"int8": 2**16, "uint8": 2**15, "float32": 2**16}
"""Type of the weights -> most weights of an output: the sum of their products fits int32."""

TYPES = (
    ("int8", "int8", "int32"),
    ("uint8", "uint8", "int32"),
    ("int16", "int8", "int64"),
    ("int16", "int8", "int32"),
    ("float32", "float32", "float32"),
    ("float32", "int8", "float32"),
)
"""Element types of activations, weights and bias."""

XNNPACK_FACTORS = 256
"""XNNPACK runs factors below this."""


def types_are_supported(call: Call) -> str | None:
    """Activations and weights are both float32, int8 or uint8, or float32/int8 or int16/int8."""
    return other_types(TYPES, call.input(0), call.input(1), call.output)


def bias_type_fits(call: Call) -> str | None:
    """The bias is int32, with int16 activations also int64, with float32 ones float32."""
    return other_bias(TYPES, call.input(0), call.input(1), call.optional(2))


def weights_are_constant(call: Call) -> str | None:
    """Weights and bias are constants of the file."""
    return computed(*call.inputs[1:])


def shapes_fit(call: Call) -> str | None:
    """Weights are [outputs, rows, columns, depth], input channels and outputs in as many groups."""
    tensor, weights, bias = call.input(0), call.input(1), call.optional(2)
    if len(tensor.shape) == len(weights.shape) == 4 and weights.elements:
        channels, (outputs, _, _, depth) = tensor.shape[3], weights.shape
        grouped = channels and channels % depth == 0 and outputs % (channels // depth) == 0
        if grouped and (bias is None or bias.shape == (outputs,)):
            return None
    return ", ".join(describe(part) for part in (tensor, weights, bias) if part)


def depth_fits(call: Call) -> str | None:
    """An output has at most 65,536 weights, or 32,768 of uint8."""
    weights = call.input(1)
    most = MAX_DEPTH[weights.dtype] * weights.shape[0]
    return None if weights.elements <= most else describe(weights)


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale, int8 weights also one per output; these and int16 zero point 0."""
    return not_scaled(call.input(0), call.input(1), call.output, 0)


CONSTRAINTS = (
    types_are_supported,
    bias_type_fits,
    weights_are_constant,
    shapes_fit,
    depth_fits,
    window_fits,
    quantization_fits,
    activation_is_known,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return [batches, rows, columns, outputs]."""
    return ((call.input(0).shape[0], *places(call, *sizes(call)), call.input(1).shape[0]),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the element types and the rounding."""
    tensor, weights, output, bias = call.input(0), call.input(1), call.output, call.optional(2)
    dtype, outputs = output.dtype, weights.shape[0]
    if dtype == "float32":
        return _lower_float32(call)
    wide = dtype == "int16" and (bias is None or bias.dtype == "int64")
    biases = (int64s if wide else int32s)(numbers(bias, outputs))
    if dtype == "int8" and call.rounding == "xnnpack":
        scales = float_factors(tensor, weights, output)
        if max(scales) < XNNPACK_FACTORS:
            constants = biases, floats(scales, outputs)
            return _kernel(call, "int8_float", xnnpack_bounds(call), *constants)
    scaling = multipliers(factors(tensor, weights, output, rounded=dtype == "uint8"), outputs)
    name = "int16_once" if wide else f"{dtype}_twice"
    return _kernel(call, name, quantized_bounds(call), biases, *scaling)


def _lower_float32(call: Call) -> Kernel:
    """Return the kernel of float32 with weights of either type."""
    weights, bias, channels = call.input(1), call.optional(2), call.input(0).shape[3]
    outputs, *_, depth = weights.shape
    bounds, inputs = float32_bounds(call), (0, 1) if bias is None else (0, 1, 2)
    constants = (int32s([0] * outputs),) if bias is None else ()
    if weights.dtype == "float32":
        return _kernel(call, "float32", bounds, *constants, inputs=inputs)
    scales = weight_scales(weights, outputs)
    offset = len(set(scales)) > 1 or channels != depth
    name = f"hybrid_{'asymmetric' if offset else 'symmetric'}"
    return _kernel(call, name, bounds, *constants, float32s(scales), inputs=inputs)


def _kernel(
    call: Call,
    name: str,
    bounds: dict[str, int],
    *constants: Constant,
    inputs: tuple[int, ...] = (0, 1),
) -> Kernel:
    """Return a kernel of this op, whose inputs are constants but for the first."""
    outputs, *_, depth = call.input(1).shape
    params = {
        **images(call.input(0), call.output),
        "outputs": outputs,
        "depth": depth,
        **window(call, *sizes(call)),
        **zero_points(call.input(0), call.input(1), call.output),
        **bounds,
    }
    return Kernel(
        f"conv_2d_{name}",
        params,
        inputs,
        constants,
        rows="batches",
        bands=not name.startswith("hybrid"),  # which quantise an image as a whole
        weights=inputs[1:],
    )
