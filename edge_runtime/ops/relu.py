"""RELU, RELU6 and RELU_N1_TO_1: cut at one end or two, and requantised where scales differ."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, float_bits, quantize_multiplier
from edge_runtime.ops import Call, Kernel
from edge_runtime.ops.activation import ENDS, clamped_float32, quantized
from edge_runtime.ops.constraints import quantized_per_tensor
from edge_runtime.ops.lookup import tabulate_integers
from edge_runtime.ops.requantize import ratio_fits, requantize, requantized
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
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


@record
class Params:
    """Parameters of ``relu_float32``.

    Attributes:
        lowest: bits of a float32 number.
        highest: likewise.
    """

    count: int
    lowest: int
    highest: int


def shape(call: Call) -> tuple[int, ...]:
    """Return the input's shape."""
    return call.input(0).shape


def lower(call: Call) -> Kernel:
    """Return a table for int8, requantisation for int16, the function for float32.

    Integers have the same bytes in LiteRT, with XNNPACK and in TFLite Micro, which has no
    RELU_N1_TO_1: they are rounded twice.

    Source: QuantizedReluX in tensorflow/lite/kernels/activations.cc.
    """
    ends = ENDS[call.op.name]
    if call.output.dtype == "float32":
        low, high = (float_bits(end) for end in ends)
        return Kernel(relu_float32, Params(call.output.elements, low, high), (0,), in_place=True)
    given, made = call.input(0).quantization, call.output.quantization
    assert given is not None
    assert made is not None
    low, high = quantized(call.output, ends)
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


def relu_float32(params: Params, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel, exact: ``lowest`` below it, ``highest`` above it; NaN stays.

    Args:
        params: see there.
        tensor: float32 [count].
    """
    return clamped_float32(tensor, params.lowest, params.highest)
