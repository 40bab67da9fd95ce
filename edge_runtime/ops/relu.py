"""RELU, RELU6 and RELU_N1_TO_1: cut at one end or two, and requantised where scales differ."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, float_bits, quantize_multiplier
from edge_runtime.ops.activation import BOUNDS, quantized
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import quantized_per_tensor, same_shape
from edge_runtime.ops.lookup import tabulate_integers
from edge_runtime.ops.requantize import ratio_fits, requantize, requantized

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    Array = npt.NDArray[Any]


def types_are_supported(call: Call) -> str | None:
    """Input and output are both float32, both int8 or, but for RELU_N1_TO_1, both int16."""
    given, made = call.input(0).dtype, call.output.dtype
    supported = ("float32", "int8", *(["int16"] if call.op.name != "RELU_N1_TO_1" else []))
    return None if given == made and made in supported else f"{given}, {made}"


def scales_are_equal(call: Call) -> str | None:
    """TFLite Micro's RELU6 has an output quantised as its input is."""
    if call.rounding != "tflite-micro" or call.op.name != "RELU6":
        return None
    given, made = call.input(0).quantization, call.output.quantization
    return None if given == made else f"{given} and {made}"


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
    given, made = call.input(0).quantization, call.output.quantization
    assert given is not None
    assert made is not None
    low, high = quantized(call.output, bounds)
    if call.output.dtype == "int16":
        return requantize(call, _ratio(call), (low, high))
    multiplier, shift = quantize_multiplier(_ratio(call))
    offset, zero_point = given.zero_points[0], made.zero_points[0]
    return tabulate_integers(
        call,
        lambda x: max(low, min(high, requantized(x - offset, multiplier, shift) + zero_point)),
    )


def _ratio(call: Call) -> float:
    """Return the ratio of the scales.

    LiteRT rounds it to float32; TFLite Micro, whose RELU alone allows one other than 1, does not.
    """
    given, made = call.input(0).quantization, call.output.quantization
    assert given is not None
    assert made is not None
    ratio = given.scales[0] / made.scales[0]
    return ratio if call.rounding == "tflite-micro" else f32(ratio)
