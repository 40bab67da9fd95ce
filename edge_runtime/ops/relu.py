"""RELU, RELU6 and RELU_N1_TO_1: cut at one end or two, and requantised where scales differ."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, float_bits, quantize_multiplier
from edge_runtime.ops.activation import BOUNDS, quantized
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import affine, quantized_per_tensor, same_shape
from edge_runtime.ops.lookup import tabulate_integers
from edge_runtime.ops.requantize import ratio_fits, requantize, requantized


def types_are_supported(call: Call) -> str | None:
    """Input and output are both float32, both int8 or, but for RELU_N1_TO_1, both int16."""
    types = call.input(0).dtype, call.output.dtype
    supported = ("float32", "int8", *(["int16"] if call.op.name != "RELU_N1_TO_1" else []))
    return None if types[0] == types[1] in supported else ", ".join(types)


def scales_are_equal(call: Call) -> str | None:
    """TFLite Micro's RELU6 has an output quantised as its input is."""
    if call.rounding != "tflite-micro" or call.op.name != "RELU6":
        return None
    both = call.input(0).quantization, call.output.quantization
    return None if both[0] == both[1] else f"{both[0]} and {both[1]}"


CONSTRAINTS = (types_are_supported, quantized_per_tensor, ratio_fits, scales_are_equal)


shapes = same_shape


def lower(call: Call) -> Kernel:
    """Return a table for int8, requantisation for int16, the function for float32.

    Integers have the same bytes in LiteRT, with XNNPACK and in TFLite Micro, which has no
    RELU_N1_TO_1: they are rounded twice.

    Source: QuantizedReluX in tensorflow/lite/kernels/activations.cc.
    """
    bounds = BOUNDS[call.op.name]
    if call.output.dtype == "float32":
        low, high = (float_bits(bound) for bound in bounds)
        params = {"count": call.output.elements, "lowest": low, "highest": high}
        return Kernel("relu_float32", params, (0,), in_place=True)
    low, high = quantized(call.output, bounds)
    if call.output.dtype == "int16":
        return requantize(call, _ratio(call), (low, high))
    multiplier, shift = quantize_multiplier(_ratio(call))
    (_, offset), (_, zero_point) = affine(call.input(0)), affine(call.output)
    return tabulate_integers(
        call,
        lambda x: max(low, min(high, requantized(x - offset, multiplier, shift) + zero_point)),
    )


def _ratio(call: Call) -> float:
    """Return the ratio of the scales.

    LiteRT rounds it to float32; TFLite Micro, whose RELU alone allows one other than 1, does not.
    """
    (scale, _), (output, _) = affine(call.input(0)), affine(call.output)
    ratio = scale / output
    return ratio if call.rounding == "tflite-micro" else f32(ratio)
