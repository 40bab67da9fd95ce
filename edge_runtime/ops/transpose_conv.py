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
from edge_runtime.ops.constraints import computed, describe, named, whole_number
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
    zero_points,
)
from edge_runtime.ops.window import VALID, Size, images, misfit, places, window

TYPES = (
    ("int8", "int8", "int32"),
    ("uint8", "uint8", "int32"),
    ("int16", "int8", "int64"),
    ("int16", "int8", "int32"),
    ("float32", "float32", "float32"),
)
"""Element types of activations, weights and bias."""

FLOAT32, INT32, INT64 = 0, 2, 4
"""Members of enum TensorType, of the type of an int16 bias; FLOAT32 stands for none."""


def types_are_supported(call: Call) -> str | None:
    """Activations and weights are both float32, int8 or uint8, or int16/int8."""
    return other_types(TYPES, call.input(2), call.input(1), call.output)


def bias_type_fits(call: Call) -> str | None:
    """The bias is int32, with int16 activations also int64, with float32 ones float32."""
    return other_bias(TYPES, call.input(2), call.input(1), call.optional(3))


def bias_is_stated(call: Call) -> str | None:
    """The option quantized_bias_type of int16 is the bias' type; none stands for int64."""
    stated, bias = call.op.options["quantized_bias_type"], call.optional(3)
    if call.input(2).dtype != "int16":
        return None
    kinds = {"int32": (INT32,), "int64": (FLOAT32, INT64)}
    allowed = kinds[bias.dtype] if bias is not None else (FLOAT32, INT32, INT64)
    return None if stated in allowed else f"type {stated} and {bias and bias.dtype}"


def weights_are_constant(call: Call) -> str | None:
    """Weights and bias are constants of the file."""
    return computed(call.input(1), call.optional(3))


def shape_is_known(call: Call) -> str | None:
    """The output's shape is a constant of 4 int32, or follows from the input's shape."""
    shape = call.input(0)
    if shape.dtype == "int32" and len(whole_number(shape) or ()) == 4:
        return None
    return named(shape)


def shapes_fit(call: Call) -> str | None:
    """Weights are [outputs, rows, columns, channels of the input], the shape ends in outputs."""
    tensor, weights, bias = call.input(2), call.input(1), call.optional(3)
    (shape,) = shapes(call)
    if len(tensor.shape) == len(weights.shape) == 4 and tensor.elements and weights.elements:
        fits = tensor.shape[3] == weights.shape[3] and min(shape) > 0
        fits = fits and (shape[0], shape[3]) == (tensor.shape[0], weights.shape[0])
        if fits and (bias is None or bias.shape == weights.shape[:1]):
            return None
    parts = [describe(part) for part in (tensor, weights, bias) if part]
    return ", ".join([*parts, str(list(shape))])


def window_fits(call: Call) -> str | None:
    """Padding is SAME or VALID, the window fits; sizes and strides are from 1 to 2**28."""
    return misfit(call, *_sizes(call))


def convolution_gives_the_input(call: Call) -> str | None:
    """A convolution of the output with this window, stride and padding has the input's size."""
    found, size = places(call, *_sizes(call)), call.input(2).shape[1:3]
    return None if found == size else f"{list(found)}, not {list(size)}"


def elements_fit(call: Call) -> str | None:
    """Input, weights and output have at most 2**31 - 1 elements."""
    counts = call.input(2).elements, call.input(1).elements, prod(shapes(call)[0])
    return None if max(counts) < 2**31 else str(max(counts))


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale, int8 weights also one per output; these and int16 zero point 0."""
    return not_scaled(call.input(2), call.input(1), call.output, 0)


def factors_fit(call: Call) -> str | None:
    """The factors from sums to outputs are below 2**30, of int16 below 2**14."""
    return too_large(call.input(2), call.input(1), call.output)


CONSTRAINTS = (
    types_are_supported,
    bias_type_fits,
    bias_is_stated,
    weights_are_constant,
    shape_is_known,
    shapes_fit,
    window_fits,
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
    tensor, weights, output, bias = call.input(2), call.input(1), call.output, call.optional(3)
    dtype, outputs = tensor.dtype, weights.shape[0]
    if dtype == "float32":
        if bias is None:
            return _kernel(call, "float32", float32_bounds(call), int32s([0] * outputs))
        return _kernel(call, "float32", float32_bounds(call), inputs=(2, 1, 3))
    biases = numbers(bias, outputs)
    if call.rounding == "xnnpack" and dtype == "int8" and _delegated(call):
        scales = floats(float_factors(tensor, weights, output), outputs)
        return _kernel(call, "int8_float", xnnpack_bounds(call), int32s(biases), scales)
    scaling = multipliers(factors(tensor, weights, output, rounded=dtype == "uint8"), outputs)
    bounds = quantized_bounds(call)
    if dtype != "int16":
        return _kernel(call, f"{dtype}_twice", bounds, int32s(biases), *scaling)
    if call.op.options["quantized_bias_type"] == INT32 and call.rounding != "tflite-micro":
        return _kernel(call, "int16_narrow_twice", bounds, int32s(biases), *scaling)
    return _kernel(call, "int16_once", bounds, int64s(biases), *scaling)


def _kernel(
    call: Call,
    name: str,
    bounds: dict[str, int],
    *constants: Constant,
    inputs: tuple[int, ...] = (2, 1),
) -> Kernel:
    """Return a kernel of this op, whose inputs are constants but for the first."""
    params = {
        **images(call.input(2), call.output),
        "outputs": call.output.shape[3],
        **window(call, *_sizes(call)),
        **zero_points(call.input(2), call.input(1), call.output),
        **bounds,
    }
    name = f"transpose_conv_{name}"
    return Kernel(name, params, inputs, constants, rows="batches", weights=inputs[1:])


def _sizes(call: Call) -> tuple[Size, Size]:
    """Return rows and columns of the output and of the window."""
    (_, height, width, _), (_, rows, columns, _) = shapes(call)[0], call.input(1).shape
    return (height, width), (rows, columns)


def _delegated(call: Call) -> bool:
    """Tell whether XNNPACK runs the window: it refuses strides beyond a padded one."""
    options, (rows, columns) = call.op.options, call.input(1).shape[1:3]
    if options["padding"] == VALID:
        return True
    return rows >= int(options["stride_h"]) and columns >= int(options["stride_w"])
