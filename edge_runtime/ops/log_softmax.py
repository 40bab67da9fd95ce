"""LOG_SOFTMAX: ``x - log(sum(exp(x)))`` over the last dimension.

Integers give the bytes of LiteRT's reference kernels and TFLite Micro, in fixed point, with every
rounding: XNNPACK has no such kernel, and what LiteRT runs by default calculates in float32 and may
be one step off. float32 is calculated in double and rounded once; LiteRT's numbers, which it
calculates in float32, differ by up to 2e-6 and 1e-6 of a number.
"""

from __future__ import annotations

from math import floor

from edge_runtime.fixed_point import quantize_multiplier, rescale_twice, rounding_shift
from edge_runtime.ops import rows
from edge_runtime.ops.call import Call, Kernel, int32s
from edge_runtime.ops.constraints import (
    affine,
    not_both_of,
    quantized_per_tensor,
    same_shape,
    size_fits,
)
from edge_runtime.ops.softmax_tables import FRACTION, INTEGER_BITS, fixed_point_exponentials

ZERO_POINTS = {"int8": 127, "uint8": 255}
"""Element type -> zero point of the output."""

MOST_DEPTH = {"int8": 4095, "uint8": 4095}
"""Input type -> most numbers of a row, so that the sum of their exponentials fits int32."""

SUM_BITS = 12
"""Integer bits of that sum."""


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8, uint8 or float32."""
    return not_both_of(call, "int8", "uint8", "float32")


def depth_fits(call: Call) -> str | None:
    """Rows have 1 number or more, at most 4,095 of 8 bits; there are 1 to 2**31 - 1 in all."""
    return rows.misfit(call.input(0), MOST_DEPTH) or size_fits(call)


def output_quantization_fits(call: Call) -> str | None:
    """Integer outputs have the scale 1/16, and the zero point 127, in uint8 255."""
    if call.output.dtype == "float32":
        return None
    pair = affine(call.output)
    return None if pair == (1 / 16, ZERO_POINTS[call.output.dtype]) else str(pair)


def scale_fits(call: Call) -> str | None:
    """The scale of an integer input is more than 2**-25."""
    if call.input(0).dtype == "float32":
        return None
    scale, _ = affine(call.input(0))
    return None if scale > 2.0**-25 else str(scale)


CONSTRAINTS = (
    types_are_supported,
    depth_fits,
    quantized_per_tensor,
    output_quantization_fits,
    scale_fits,
)

shapes = same_shape


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type, which reads uint8 as int8 with a bit flipped.

    Source: PreprocessLogSoftmaxScalingExp and CalculateInputRadius in
    tensorflow/lite/kernels/internal/quantization_util.cc.
    """
    tensor = call.input(0)
    size = rows.rows(tensor)
    if tensor.dtype == "float32":
        return Kernel("log_softmax_float32", size, (0,), in_place=True, rows="rows")
    scale, _ = affine(tensor)
    multiplier, shift = quantize_multiplier(min(scale * 2**FRACTION, 2**31 - 1.0))
    radius = floor((2**INTEGER_BITS - 1) * 2**FRACTION / 2**shift)
    reverse_multiplier, reverse_shift = quantize_multiplier(2 ** (31 - shift) / multiplier)
    params = {
        **size,
        "flip": -128 if tensor.dtype == "uint8" else 0,
        "least": -radius - 1,
        "multiplier": reverse_multiplier,
        "shift": reverse_shift,
    }
    powers = [int(rounding_shift(one, SUM_BITS)) for one in fixed_point_exponentials(scale, 1.0)]
    steps = [
        int(rescale_twice(-i * 2**shift, multiplier, 0)) if i <= radius else 0 for i in range(256)
    ]
    tables = int32s(powers, table=True), int32s(steps)
    return Kernel("log_softmax_int8_twice", params, (0,), tables, in_place=True, rows="rows")
