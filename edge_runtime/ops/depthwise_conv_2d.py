"""DEPTHWISE_CONV_2D: a window of its own for each output channel, over one input channel.

Output channel c reads input channel ``c // multiplier``. Integers are rounded twice by LiteRT's
reference kernels as by TFLite Micro, which has no uint8. XNNPACK rounds int8 once, through a float;
all other types have the bytes of LiteRT's reference kernels there. float32 with int8 weights: each
image is quantised with a zero point, and the bytes are LiteRT's, whatever the rounding.
"""

from __future__ import annotations

from math import prod

from edge_runtime.ops.activation import (
    activation_is_known,
    float32_bounds,
    quantized_bounds,
    xnnpack_bounds,
)
from edge_runtime.ops.call import Call, Constant, Kernel, float32s, int32s, int64s
from edge_runtime.ops.constraints import affine, computed, describe
from edge_runtime.ops.conv_2d import MAX_DEPTH
from edge_runtime.ops.per_channel import (
    factors,
    float_factors,
    floats,
    multipliers,
    not_scaled,
    numbers,
    other_bias,
    other_types,
    too_large,
    weight_scales,
    zero_points,
)
from edge_runtime.ops.window import images, places, sizes, window, window_fits
from edge_runtime.record import replace

TYPES = (
    ("int8", "int8", "int32"),
    ("uint8", "uint8", "int32"),
    ("int16", "int8", "int64"),
    ("float32", "float32", "float32"),
    ("float32", "int8", "float32"),
)
"""Element types of activations, weights and bias."""


def types_are_supported(call: Call) -> str | None:
    """Activations and weights are both float32, int8 or uint8, or float32/int8 or int16/int8."""
    return other_types(TYPES, call.input(0), call.input(1), call.output)


def bias_type_fits(call: Call) -> str | None:
    """The bias is int32, with int16 activations int64, with float32 ones float32."""
    return other_bias(TYPES, call.input(0), call.input(1), call.optional(2))


def weights_are_constant(call: Call) -> str | None:
    """Weights and bias are constants of the file."""
    return computed(*call.inputs[1:])


def shapes_fit(call: Call) -> str | None:
    """Weights are [1, rows, columns, N * channels of the input, which has 4 dimensions]."""
    tensor, weights, bias = call.input(0), call.input(1), call.optional(2)
    if len(tensor.shape) == len(weights.shape) == 4 and tensor.elements and weights.elements:
        fits = weights.shape[0] == 1 and weights.shape[3] % tensor.shape[3] == 0
        if fits and (bias is None or bias.shape == weights.shape[3:]):
            return None
    return ", ".join(describe(part) for part in (tensor, weights, bias) if part)


def multiplier_is_stated(call: Call) -> str | None:
    """The depth multiplier of int16 is the one of the shapes."""
    multiplier = call.op.options["depth_multiplier"]
    if call.input(0).dtype != "int16" or multiplier == _multiplier(call):
        return None
    return f"{multiplier}, not {_multiplier(call)}"


def elements_fit(call: Call) -> str | None:
    """Input, weights and output have at most 2**31 - 1 elements."""
    counts = call.input(0).elements, call.input(1).elements, prod(shapes(call)[0])
    return None if max(counts) < 2**31 else str(max(counts))


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale, int8 weights also one per output; these and int16 zero point 0."""
    return not_scaled(call.input(0), call.input(1), call.output, 3)


def factors_fit(call: Call) -> str | None:
    """The factors from sums to outputs are below 2**30, of int16 below 2**14."""
    return too_large(call.input(0), call.input(1), call.output)


CONSTRAINTS = (
    types_are_supported,
    bias_type_fits,
    weights_are_constant,
    shapes_fit,
    multiplier_is_stated,
    window_fits,
    elements_fit,
    quantization_fits,
    factors_fit,
    activation_is_known,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return [batches, rows, columns, outputs]."""
    return ((call.input(0).shape[0], *places(call, *sizes(call)), call.input(1).shape[3]),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the element types and the rounding."""
    kernel = _depthwise(call)
    return _convolution(call, kernel) if _is_convolution(call) else kernel


def _is_convolution(call: Call) -> bool:
    """Return whether it is CONV_2D of one channel, which has faster kernels with the same bytes.

    Converters write a first layer over grey images or spectrograms as DEPTHWISE_CONV_2D.
    """
    tensor, weights = call.input(0), call.input(1)
    _, height, width, outputs = weights.shape
    same = tensor.dtype == weights.dtype in ("int8", "float32")
    return same and tensor.shape[3] == 1 < outputs and height * width <= MAX_DEPTH[tensor.dtype]


def _convolution(call: Call, kernel: Kernel) -> Kernel:
    """Return CONV_2D's kernel for DEPTHWISE_CONV_2D's of one channel."""
    weights, bias, outputs = call.input(1), call.optional(2), call.output.shape[3]
    assert weights.data is not None
    cells = weights.data.cast("B").cast("b" if weights.dtype == "int8" else "i")
    each = b"".join(cells[output::outputs].tobytes() for output in range(outputs))
    constants = kernel.constants
    if kernel.inputs == (0, 1, 2):
        assert bias is not None
        assert bias.data is not None
        constants = (Constant(bias.dtype, bytes(bias.data)), *constants)
    params = {
        **images(call.input(0), call.output),
        "outputs": outputs,
        "depth": 1,
        **window(call, *sizes(call)),
        **zero_points(call.input(0), weights, call.output),
        **{name: kernel.params[name] for name in ("lowest", "highest")},
    }
    return replace(
        kernel,
        name=kernel.name.removeprefix("depthwise_"),
        params=params,
        inputs=(0,),
        constants=(Constant(weights.dtype, each), *constants),
        weights=(),
    )


def _depthwise(call: Call) -> Kernel:
    tensor, weights, bias = call.input(0), call.input(1), call.optional(2)
    batches, height, width, channels = tensor.shape
    _, output_height, output_width, outputs = call.output.shape
    size = {
        "batches": batches,
        "height": height,
        "width": width,
        "channels": channels,
        "multiplier": _multiplier(call),
        "output_height": output_height,
        "output_width": output_width,
        **window(call, *sizes(call)),
    }
    if tensor.dtype == "float32":
        params = {**size, **float32_bounds(call)}
        constants = () if bias else (int32s([0] * outputs),)
        inputs = (0, 1, 2) if bias else (0, 1)
        if weights.dtype == "float32":
            return _kernel("float32", params, *constants, inputs=inputs)
        scales = float32s(weight_scales(weights, outputs))
        return _kernel("hybrid", params, *constants, scales, inputs=inputs)
    biases = numbers(bias, outputs)
    if tensor.dtype == "int16":
        scaling = multipliers(factors(tensor, weights, call.output), outputs)
        return _kernel("int16_once", {**size, **quantized_bounds(call)}, int64s(biases), *scaling)
    size["input_zero_point"] = affine(tensor)[1]
    if tensor.dtype == "uint8":
        size["weights_zero_point"] = affine(weights)[1]
    size["output_zero_point"] = affine(call.output)[1]
    delegated = call.op.options["depth_multiplier"] == _multiplier(call)
    if call.rounding == "xnnpack" and tensor.dtype == "int8" and delegated:
        factor = floats(float_factors(tensor, weights, call.output), outputs)
        return _kernel("int8_float", {**size, **xnnpack_bounds(call)}, int32s(biases), factor)
    rounded = tensor.dtype == "uint8"
    scaling = multipliers(factors(tensor, weights, call.output, rounded=rounded), outputs)
    params = {**size, **quantized_bounds(call)}
    return _kernel(f"{tensor.dtype}_twice", params, int32s(biases), *scaling)


def _kernel(
    name: str, params: dict[str, int], *constants: Constant, inputs: tuple[int, ...] = (0, 1)
) -> Kernel:
    """Return a kernel of this op, whose inputs are constants but for the first."""
    return Kernel(
        f"depthwise_conv_2d_{name}",
        params,
        inputs,
        constants,
        rows="batches",
        bands=name != "hybrid",  # which quantises an image as a whole
        weights=inputs[1:],
    )


def _multiplier(call: Call) -> int:
    """Return the number of outputs of each input channel."""
    return call.input(1).shape[3] // call.input(0).shape[3]
