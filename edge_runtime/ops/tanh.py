"""TANH: the hyperbolic tangent."""

from __future__ import annotations

from math import tanh

from edge_runtime import gemmlowp
from edge_runtime.fixed_point import power_of_two
from edge_runtime.ops import sigmoid_table
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import (
    affine,
    quantized_per_tensor,
    same_shape,
    types_are_8_or_16_bits_or_float32,
)
from edge_runtime.ops.lookup import tabulate, tabulate_integers


def output_fits(call: Call) -> str | None:
    """An int16 output has the scale 1/32768, TFLite Micro's int8 1/128; the zero point is 0."""
    dtype = call.output.dtype
    if dtype in ("float32", "uint8") or (dtype == "int8" and call.rounding != "tflite-micro"):
        return None
    scale, zero_point = affine(call.output)
    if dtype == "int8":
        fits = scale == 1 / 128 and zero_point == 0
    else:
        fits = power_of_two(scale) == -15 and zero_point == 0
    return None if fits else f"{scale} and {zero_point}"


CONSTRAINTS = (
    types_are_8_or_16_bits_or_float32,
    quantized_per_tensor,
    output_fits,
    sigmoid_table.scale_fits,
)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for 8 bits, fixed-point arithmetic for int16, the function for float32.

    int8: LiteRT and XNNPACK calculate their tables in float32, TFLite Micro in fixed-point
    arithmetic of 32 bits; it has no uint8, for which LiteRT's is taken. int16: a table of 256
    points is interpolated, except that LiteRT's optimised kernels (``rounding="xnnpack"``; XNNPACK
    has none) leave scales of 2**-12 and 2**-11 to fixed-point arithmetic of 16 bits.
    """
    count = call.output.elements
    if call.output.dtype == "float32":
        return Kernel("tanh_float32", {"count": count}, (0,), in_place=True)
    scale, zero_point = affine(call.input(0))
    if call.output.dtype != "int16":
        if call.rounding != "tflite-micro" or call.output.dtype == "uint8":
            return tabulate(call, tanh, by_xnnpack=call.rounding == "xnnpack")
        micro = gemmlowp.of_int8(gemmlowp.tanh, scale, 7)
        return tabulate_integers(call, lambda x: micro(x - zero_point))
    exponent = power_of_two(scale)
    if call.rounding == "xnnpack" and exponent in (-12, -11):
        params = {"count": count, "shift": exponent + 12}
        return Kernel("tanh_fixed_int16", params, (0,), in_place=True)
    params = sigmoid_table.params(call, 1)
    return Kernel("tanh_int16", params, (0,), (sigmoid_table.table(),), in_place=True)
