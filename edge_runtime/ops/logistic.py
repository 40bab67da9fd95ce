"""LOGISTIC: ``1 / (1 + exp(-x))``."""

from __future__ import annotations

from math import exp

from edge_runtime import gemmlowp
from edge_runtime.fixed_point import f32, float_bits, power_of_two
from edge_runtime.ops import sigmoid_table
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import (
    affine,
    describe,
    per_tensor,
    same_shape,
    types_are_8_or_16_bits_or_float32,
)
from edge_runtime.ops.lookup import tabulate, tabulate_integers

EXPONENTIAL_BELOW = -9.0
"""Where LiteRT's reference kernel, and TFLite Micro's, take exp(x) for it: 1.2e-4 of it more."""

OUTPUTS = {"int8": (1 / 256, -128), "uint8": (1 / 256, 0), "int16": (1 / 32768, 0)}
"""Element type -> the output's scale and zero point, which the kernels assume."""


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale, the output 1/256 and -128 (uint8: 0), int16 1/32768 and 0."""
    if call.output.dtype == "float32":
        return None
    output = call.output.quantization
    if not per_tensor(call.input(0)) or output is None:
        return describe(call.input(0))
    fits = (output.scales, output.zero_points) == tuple((n,) for n in OUTPUTS[call.output.dtype])
    return None if fits else f"{output.scales[:4]} and {output.zero_points[:4]}"


CONSTRAINTS = (types_are_8_or_16_bits_or_float32, quantization_fits, sigmoid_table.scale_fits)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for 8 bits, fixed-point arithmetic for int16, the function for float32.

    int8: LiteRT calculates its table in float32, XNNPACK in double, TFLite Micro in fixed-point
    arithmetic of 32 bits; it has no uint8, for which LiteRT's is taken. int16: a table of 256
    points is interpolated, except that LiteRT's optimised kernels (``rounding="xnnpack"``; XNNPACK
    has none) leave a scale of 2**-12 to fixed-point arithmetic of 16 bits.
    """
    count = call.output.elements
    if call.output.dtype == "float32":
        below = -float("inf") if call.rounding == "xnnpack" else EXPONENTIAL_BELOW
        params = {"count": count, "below": float_bits(below)}
        return Kernel("logistic_float32", params, (0,), in_place=True)
    scale, zero_point = affine(call.input(0))
    if call.output.dtype != "int16":
        if call.rounding != "tflite-micro" or call.output.dtype == "uint8":
            xnnpack = call.rounding == "xnnpack"
            return tabulate(call, _precise if xnnpack else _sigmoid, by_xnnpack=xnnpack)
        micro = gemmlowp.of_int8(gemmlowp.logistic, scale, 8)
        return tabulate_integers(call, lambda x: micro(x - zero_point) - 128)
    if call.rounding == "xnnpack" and power_of_two(scale) == -12:
        return Kernel("logistic_fixed_int16", {"count": count}, (0,), in_place=True)
    params = sigmoid_table.params(call, 0)
    return Kernel("logistic_int16", params, (0,), (sigmoid_table.table(),), in_place=True)


def _sigmoid(x: float) -> float:
    """Return the float32 value, each step rounded."""
    return f32(1 / f32(1 + (f32(exp(-x)) if x > -88 else float("inf"))))


def _precise(x: float) -> float:
    """Return the value, calculated in double."""
    return 1 / (1 + exp(-x)) if abs(x) < 100 else float(x > 0)
