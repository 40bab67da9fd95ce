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

from edge_runtime.fixed_point import f32, float_bits
from edge_runtime.ops.activation import (
    activation_is_known,
    float32_bounds,
    quantized_bounds,
    xnnpack_bounds,
)
from edge_runtime.ops.call import Call, Constant, Kernel, float32s, int32s, int64s
from edge_runtime.ops.constraints import affine, describe, not_affine
from edge_runtime.ops.per_channel import multipliers
from edge_runtime.ops.window import misfit, places, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Tensor

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
    """Types are float32, weights also int8; int8 or uint8, bias int32; int16, int8, int64/int32."""
    bias = _bias(call)
    types = [call.input(0).dtype, call.output.dtype, call.input(1).dtype]
    for activations, weights, kind in TYPES:
        if types == [activations, activations, weights] and (bias is None or bias.dtype == kind):
            return None
    return ", ".join([*types, *([bias.dtype] if bias else [])])


def weights_are_constant(call: Call) -> str | None:
    """Weights and bias are constants of the file."""
    for tensor in call.inputs[1:]:
        if tensor is not None and tensor.data is None:
            return f"{tensor.name!r}, which is computed"
    return None


def shapes_fit(call: Call) -> str | None:
    """Weights are [outputs, rows, columns, depth], input channels and outputs in as many groups."""
    tensor, weights, bias = call.input(0), call.input(1), _bias(call)
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


def window_fits(call: Call) -> str | None:
    """The window has a place in the input, and no stride, dilation or length is above 2**28."""
    return misfit(call, *call.input(1).shape[1:3])


def quantization_fits(call: Call) -> str | None:
    """One scale and zero point, of int16 and int8 weights 0; these may have a scale per output."""
    weights = call.input(1)
    if weights.dtype == "float32":
        return None
    signed = (weights,) if weights.dtype == "uint8" else ()
    if description := not_affine(call.input(0), call.output, *signed):
        return description
    quantization = weights.quantization
    if weights.dtype == "uint8":
        return None
    if quantization is None or any(quantization.zero_points):
        return f"{weights.name!r}: {quantization and quantization.zero_points[:4]}"
    if quantization.per_channel and (
        quantization.axis != 0 or len(quantization.scales) != weights.shape[0]
    ):
        return f"{weights.name!r}: {len(quantization.scales)} along axis {quantization.axis}"
    return None


CONSTRAINTS = (
    types_are_supported,
    weights_are_constant,
    shapes_fit,
    depth_fits,
    window_fits,
    quantization_fits,
    activation_is_known,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return [batches, rows, columns, outputs]."""
    outputs, rows, columns, _ = call.input(1).shape
    return ((call.input(0).shape[0], *places(call, rows, columns), outputs),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the element types and the rounding."""
    dtype, outputs = call.output.dtype, call.input(1).shape[0]
    if dtype == "float32" and call.input(1).dtype == "int8":
        return _hybrid(call)
    if dtype == "float32":
        bias = _bias(call)
        if bias is not None:
            return _kernel(call, "conv_2d_float32", float32_bounds(call), inputs=(0, 1, 2))
        return _kernel(call, "conv_2d_float32", float32_bounds(call), _biases(call))
    if dtype == "int8" and call.rounding == "xnnpack":
        scales = [f32(factor) for factor in _factors(call, rounded=True)]
        if max(scales) < XNNPACK_FACTORS:
            numbers = [float_bits(scale) for scale in scales] * (outputs // len(scales))
            bits = Constant("float32", int32s(numbers).data)
            return _kernel(call, "conv_2d_int8_float", xnnpack_bounds(call), _biases(call), bits)
    factors = _factors(call, rounded=dtype == "uint8")
    constants = (_biases(call), *multipliers(factors, outputs))
    name = f"conv_2d_{dtype}_twice"
    if constants[0].dtype == "int64":
        name = "conv_2d_int16_once"
    return _kernel(call, name, quantized_bounds(call), *constants)


def _hybrid(call: Call) -> Kernel:
    """Return the kernel of float32 with int8 weights."""
    (*_, channels), (outputs, *_, depth) = call.input(0).shape, call.input(1).shape
    quantization = call.input(1).quantization
    assert quantization is not None
    scales = list(quantization.scales) * (1 if quantization.per_channel else outputs)
    offset = len(set(scales)) > 1 or channels != depth
    name = f"conv_2d_hybrid_{'asymmetric' if offset else 'symmetric'}"
    if _bias(call) is None:
        return _kernel(call, name, float32_bounds(call), _biases(call), float32s(scales))
    return _kernel(call, name, float32_bounds(call), float32s(scales), inputs=(0, 1, 2))


def _kernel(
    call: Call,
    name: str,
    bounds: dict[str, int],
    *constants: Constant,
    inputs: tuple[int, ...] = (0, 1),
) -> Kernel:
    """Return a kernel of this op."""
    batches, height, width, channels = call.input(0).shape
    outputs, rows, columns, depth = call.input(1).shape
    _, output_height, output_width, _ = call.output.shape
    zero_points = (
        affine(tensor)[1] if tensor.quantization and tensor.dtype != "float32" else 0
        for tensor in (call.input(0), call.input(1), call.output)
    )
    names = ("input_zero_point", "weights_zero_point", "output_zero_point")
    params = {
        "batches": batches,
        "height": height,
        "width": width,
        "channels": channels,
        "output_height": output_height,
        "output_width": output_width,
        "outputs": outputs,
        "depth": depth,
        **window(call, rows, columns),
        **dict(zip(names, zero_points, strict=True)),
        **bounds,
    }
    return Kernel(name, params, inputs, constants, rows="batches", weights=inputs[1:])


def _bias(call: Call) -> Tensor | None:
    return call.inputs[2] if len(call.inputs) > 2 else None


def _biases(call: Call) -> Constant:
    """Return the bias, zeros where there is none; of int16 without a bias int64."""
    bias, outputs = _bias(call), call.input(1).shape[0]
    if bias is not None:
        assert bias.data is not None
        return Constant(bias.dtype, bytes(bias.data))
    return (int64s if call.output.dtype == "int16" else int32s)([0] * outputs)


def _factors(call: Call, *, rounded: bool) -> list[float]:
    """Return the factors from sums to outputs, one for each scale of the weights.

    Source: PopulateConvolutionQuantizationParams in tensorflow/lite/kernels/kernel_util.cc, all in
    double; of uint8 GetQuantizedConvolutionMultipler there. Of XNNPACK
    xnn_create_convolution2d_nhwc_qs8_qc8w and its kin, all in float32.

    Args:
        call: of integers.
        rounded: whether the products of the scales of input and weights are rounded to float32.
    """
    weights = call.input(1)
    assert weights.quantization is not None
    scale, output = affine(call.input(0))[0], affine(call.output)[0]
    products = [scale * one for one in weights.quantization.scales]
    return [(f32(product) if rounded else product) / output for product in products]
