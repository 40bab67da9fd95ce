"""TRANSPOSE_CONV: each pixel of the input is added to the output as a window times its channels.

The output's shape is the op's first input. Integers are rounded twice by LiteRT's reference kernels
as by TFLite Micro, which has no uint8 and ignores a fused activation; that is not followed. Sums of
int16 are int64, or int32 where the op's option says so; TFLite Micro's are always int64. XNNPACK
rounds int8 once, through a float. Where it refuses, bytes are the reference kernels'; LiteRT then
runs vector kernels of its own, which round otherwise.
"""

from __future__ import annotations

from math import prod

from edge_runtime.ops.activation import (
    activation_is_known,
    float32_bounds,
    quantized_bounds,
    xnnpack_bounds,
)
from edge_runtime.ops.call import Call, Constant, Kernel, int32s, int64s
from edge_runtime.ops.constraints import affine, describe, whole_number
from edge_runtime.ops.per_channel import (
    factors,
    float32_factor,
    float_factors,
    multipliers,
    not_scaled,
    numbers,
    too_large,
)
from edge_runtime.ops.window import VALID, padding_before, positions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Tensor

TYPES = (
    ("int8", "int8", ("int32",)),
    ("uint8", "uint8", ("int32",)),
    ("int16", "int8", ("int64", "int32")),
    ("float32", "float32", ("float32",)),
)
"""Element types of activations, weights and bias."""

MOST_POSITIONS = 2**29
"""Bound of sizes and strides along a dimension: their sums fit int32."""

FLOAT32, INT32, INT64 = 0, 2, 4
"""Members of enum TensorType, of the type of an int16 bias; FLOAT32 stands for none."""


def types_are_supported(call: Call) -> str | None:
    """Input/weights/bias: int8/int8/int32, uint8/uint8/int32, int16/int8/int64/int32 or float32."""
    bias = _bias(call)
    types = [call.input(2).dtype, call.output.dtype, call.input(1).dtype]
    for activations, weights, kinds in TYPES:
        if types == [activations, activations, weights] and (bias is None or bias.dtype in kinds):
            return None
    return ", ".join([*types, *([bias.dtype] if bias else [])])


def bias_is_stated(call: Call) -> str | None:
    """The option of an int16 layer's bias type names the type, or there is none for int64."""
    stated, bias = call.op.options["quantized_bias_type"], _bias(call)
    if call.input(2).dtype != "int16":
        return None
    kinds = {"int32": (INT32,), "int64": (FLOAT32, INT64)}
    allowed = kinds[bias.dtype] if bias is not None else (FLOAT32, INT32, INT64)
    return None if stated in allowed else f"type {stated} and {bias and bias.dtype}"


def weights_are_constant(call: Call) -> str | None:
    """Weights and bias are constants of the file."""
    for tensor in call.input(1), _bias(call):
        if tensor is not None and tensor.data is None:
            return f"{tensor.name!r}, which is computed"
    return None


def shape_is_known(call: Call) -> str | None:
    """The output's shape is a constant of 4 int32, or follows from the input's shape."""
    shape = call.input(0)
    if shape.dtype == "int32" and len(whole_number(shape) or ()) == 4:
        return None
    return f"{shape.name!r}, {describe(shape)}"


def shapes_fit(call: Call) -> str | None:
    """Weights are [outputs, rows, columns, channels of the input], the shape ends in outputs."""
    tensor, weights, bias = call.input(2), call.input(1), _bias(call)
    (shape,) = shapes(call)
    if len(tensor.shape) == len(weights.shape) == 4 and tensor.elements and weights.elements:
        fits = tensor.shape[3] == weights.shape[3] and min(shape) > 0
        fits = fits and (shape[0], shape[3]) == (tensor.shape[0], weights.shape[0])
        if fits and (bias is None or bias.shape == weights.shape[:1]):
            return None
    parts = [describe(part) for part in (tensor, weights, bias) if part]
    return ", ".join([*parts, str(list(shape))])


def window_moves(call: Call) -> str | None:
    """Strides are positive and, as sizes, below 2**29; the padding is SAME or VALID."""
    options = call.op.options
    moves = [options["stride_h"], options["stride_w"]]
    sizes = [*call.input(2).shape[1:3], *call.input(1).shape[1:3], *shapes(call)[0][1:3]]
    fits = min(moves) > 0 and max(*moves, *sizes) < MOST_POSITIONS
    if fits and options["padding"] in (0, 1):
        return None
    return f"strides {moves}, sizes {sizes}, padding {options['padding']}"


def convolution_gives_the_input(call: Call) -> str | None:
    """A convolution of the output with this window, stride and padding has the input's size."""
    options, (_, *sizes, _), (_, *taps, _) = call.op.options, shapes(call)[0], call.input(1).shape
    strides = options["stride_h"], options["stride_w"]
    found = [
        positions(options["padding"], size, count, stride)
        for size, count, stride in zip(sizes, taps, strides, strict=True)
    ]
    return None if found == [*call.input(2).shape[1:3]] else f"{found} of {sizes}"


def elements_fit(call: Call) -> str | None:
    """Input, weights and output have at most 2**31 - 1 elements."""
    counts = call.input(2).elements, call.input(1).elements, prod(shapes(call)[0])
    return None if max(counts) < 2**31 else str(max(counts))


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale and zero point, int16 0; int8 weights 0, a scale or one an output."""
    return not_scaled(call.input(2), call.input(1), call.output, 0)


def factors_fit(call: Call) -> str | None:
    """The factors from sums to outputs are below 2**30, of int16 below 2**14."""
    return too_large(call.input(2), call.input(1), call.output)


CONSTRAINTS = (
    types_are_supported,
    bias_is_stated,
    weights_are_constant,
    shape_is_known,
    shapes_fit,
    window_moves,
    convolution_gives_the_input,
    elements_fit,
    quantization_fits,
    factors_fit,
    activation_is_known,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the content of the first input."""
    return (whole_number(call.input(0)) or (),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the element types and the rounding."""
    tensor, weights, bias = call.input(2), call.input(1), _bias(call)
    options, outputs = call.op.options, weights.shape[0]
    batches, height, width, channels = tensor.shape
    _, output_height, output_width, _ = call.output.shape
    _, rows, columns, _ = weights.shape
    padding, stride_h, stride_w = (options[name] for name in ("padding", "stride_h", "stride_w"))
    size = {
        "batches": batches,
        "height": height,
        "width": width,
        "channels": channels,
        "output_height": output_height,
        "output_width": output_width,
        "outputs": outputs,
        "window_height": rows,
        "window_width": columns,
        "stride_h": stride_h,
        "stride_w": stride_w,
        "top": padding_before(padding, output_height, rows, stride_h),
        "left": padding_before(padding, output_width, columns, stride_w),
    }
    if tensor.dtype == "float32":
        if bias is None:
            return _kernel("float32", {**size, **float32_bounds(call)}, int32s([0] * outputs))
        return _kernel("float32", {**size, **float32_bounds(call)}, inputs=(2, 1, 3))
    biases = numbers(bias, outputs)
    of_scales = float32_factor if tensor.dtype == "uint8" else factors
    scaling = multipliers(of_scales(tensor, weights, call.output), outputs)
    if tensor.dtype == "int16":
        size |= quantized_bounds(call)
        if options["quantized_bias_type"] == INT32 and call.rounding != "tflite-micro":
            return _kernel("int16_narrow_twice", size, int32s(biases), *scaling)
        return _kernel("int16_once", size, int64s(biases), *scaling)
    size["input_zero_point"] = affine(tensor)[1]
    if tensor.dtype == "uint8":
        size["weights_zero_point"] = affine(weights)[1]
    size["output_zero_point"] = affine(call.output)[1]
    # XNNPACK refuses strides beyond a padded window.
    delegated = padding == VALID or (rows >= stride_h and columns >= stride_w)
    if call.rounding == "xnnpack" and tensor.dtype == "int8" and delegated:
        factor = float_factors(tensor, weights, call.output, outputs)
        return _kernel("int8_float", {**size, **xnnpack_bounds(call)}, int32s(biases), factor)
    params = {**size, **quantized_bounds(call)}
    return _kernel(f"{tensor.dtype}_twice", params, int32s(biases), *scaling)


def _kernel(
    name: str, params: dict[str, int], *constants: Constant, inputs: tuple[int, ...] = (2, 1)
) -> Kernel:
    """Return a kernel of this op, whose inputs are constants but for the first."""
    name = f"transpose_conv_{name}"
    return Kernel(name, params, inputs, constants, rows="batches", weights=inputs[1:])


def _bias(call: Call) -> Tensor | None:
    return call.inputs[3] if len(call.inputs) > 3 else None
