"""LEAKY_RELU: ``x`` where it is positive, else ``alpha * x``."""

from __future__ import annotations

from math import isfinite

from edge_runtime.fixed_point import f32, float_bits, quantize_multiplier
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import (
    affine,
    quantized_per_tensor,
    same_shape,
    types_are_8_or_16_bits_or_float32,
)
from edge_runtime.ops.lookup import tabulate_integers
from edge_runtime.ops.requantize import ratio_fits, requantized


def alpha_fits(call: Call) -> str | None:
    """Alpha is finite, and its product with the ratio of integers' scales within 2**31."""
    alpha = call.op.options["alpha"]
    if not isfinite(alpha):
        return str(alpha)
    if call.output.dtype == "float32" or abs(_factors(call)[1]) < 2**31:
        return None
    return str(_factors(call)[1])


CONSTRAINTS = (types_are_8_or_16_bits_or_float32, quantized_per_tensor, ratio_fits, alpha_fits)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for 8 bits, fixed-point arithmetic for int16, the function for float32.

    Integers are rounded twice. With a negative alpha the first rounding's halves go down in
    LiteRT's reference kernels, up elsewhere. XNNPACK's int8 factors have 8 bits of fraction; what
    it does not run (int16, other ratios) goes to LiteRT's optimised kernels.

    Source: QuantizeLeakyRelu in reference/leaky_relu.h of TFLite; xnn_init_qs8_lrelu_scalar_params
    in src/microparams-init.c of XNNPACK, src/qs8-vlrelu/scalar-select.c.in.
    """
    count = call.output.elements
    if call.output.dtype == "float32":
        params = {"count": count, "alpha": float_bits(call.op.options["alpha"])}
        return Kernel("leaky_relu_float32", params, (0,), in_place=True)
    factors = _factors(call)
    sign = -1 if factors[1] < 0 and call.rounding == "litert" else 1
    pairs = quantize_multiplier(factors[0]), quantize_multiplier(sign * factors[1])
    if call.output.dtype == "int16":
        params = {
            "count": count,
            "multiplier": pairs[0][0],
            "shift": pairs[0][1],
            "negative_multiplier": pairs[1][0],
            "negative_shift": pairs[1][1],
            "negative_sign": sign,
        }
        return Kernel("leaky_relu_int16_twice", params, (0,), in_place=True)
    (_, offset), (_, zero_point) = affine(call.input(0)), affine(call.output)
    if call.rounding == "xnnpack":
        ratio = factors[0]
        slope = f32(ratio * call.op.options["alpha"])
        if 2**-8 <= ratio <= 2**7 and abs(slope) >= 2**-8 and -(2**7) < slope <= 2**7:
            parts = [round(256 * ratio), round(256 * slope)]
            return tabulate_integers(
                call, lambda x: (((x - offset) * parts[x < offset] + 128) >> 8) + zero_point
            )
    signs = (1, sign)
    return tabulate_integers(
        call,
        lambda x: signs[x < offset] * requantized(x - offset, *pairs[x < offset]) + zero_point,
    )


def _factors(call: Call) -> tuple[float, float]:
    """Return the factors from inputs to outputs, of inputs from 0 on and of negative ones."""
    (scale, _), (output, _) = affine(call.input(0)), affine(call.output)
    return f32(scale / output), f32(f32(scale * call.op.options["alpha"]) / output)
