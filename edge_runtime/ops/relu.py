"""RELU and its bounded relatives: clamped at one end or two, requantised where scales differ."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, float_bits, quantize_multiplier
from edge_runtime.ops import activation
from edge_runtime.ops.activation import quantized
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import affine, not_both_of, quantized_per_tensor, same_shape
from edge_runtime.ops.lookup import tabulate_integers
from edge_runtime.ops.requantize import ratio_fits, requantize, requantized

BOUNDS = {**activation.BOUNDS, "RELU_0_TO_1": (0.0, 1.0)}
WITH_INT16 = ("RELU", "RELU6")


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8, uint8, float32 or, for RELU and RELU6, int16."""
    wide = ("int16",) if call.op.name in WITH_INT16 else ()
    return not_both_of(call, "int8", "uint8", "float32", *wide)


def scales_are_equal(call: Call) -> str | None:
    """TFLite Micro's RELU6 has an output quantised as its input is."""
    if call.rounding != "tflite-micro" or call.op.name != "RELU6":
        return None
    both = call.input(0).quantization, call.output.quantization
    return None if both[0] == both[1] else f"{both[0]} and {both[1]}"


CONSTRAINTS = (types_are_supported, quantized_per_tensor, ratio_fits, scales_are_equal)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for 8 bits, requantisation for int16, the function for float32.

    Integers have the same bytes in LiteRT, with XNNPACK and in TFLite Micro, which has only RELU
    and RELU6 and no uint8: they are rounded twice.

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
