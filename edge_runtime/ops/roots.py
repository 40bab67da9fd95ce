"""SQRT and RSQRT: the square root and its inverse."""

from __future__ import annotations

from math import sqrt

from edge_runtime.fixed_point import (
    f32,
    float_bits,
    product31,
    quantize_multiplier,
    rescale_twice,
    rounding_shift,
)
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import (
    LIMITS,
    affine,
    quantized_per_tensor,
    same_shape,
    types_are_int8_int16_or_float32,
)
from edge_runtime.ops.interpolation import interpolate
from edge_runtime.ops.lookup import tabulate_integers


def scales_fit(call: Call) -> str | None:
    """The scales of integers are from 2**-40 to 2**40."""
    if call.output.dtype == "float32":
        return None
    scales = affine(call.input(0))[0], affine(call.output)[0]
    return None if all(2.0**-40 <= scale <= 2.0**40 for scale in scales) else str(scales)


CONSTRAINTS = (types_are_int8_int16_or_float32, quantized_per_tensor, scales_fit)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for int8, arithmetic or an interpolated table for int16, or the function.

    Where an integer stands for a negative number LiteRT stops; here the output is that of 0, or
    between that and its neighbour's. XNNPACK does not run integers.
    """
    dtype, name = call.output.dtype, call.op.name.lower()
    params = {"count": call.output.elements}
    if dtype == "float32":
        return Kernel(f"roots_{name}_float32", params, (0,), in_place=True)
    (scale, offset), (output_scale, zero_point) = affine(call.input(0)), affine(call.output)
    if name == "rsqrt":
        return _interpolated(call, output_scale) if dtype == "int16" else _inverse(call)
    if dtype == "int16":
        params |= {"scale": float_bits(scale), "output_scale": float_bits(output_scale)}
        return Kernel("roots_sqrt_int16", params, (0,), in_place=True)

    def root(value: int) -> int:
        real = f32(max(value - offset, 0) * scale)
        return int(f32(f32(sqrt(real)) / output_scale)) + zero_point

    return tabulate_integers(call, root)


def _interpolated(call: Call, output_scale: float) -> Kernel:
    """Return the int16 kernel of RSQRT."""
    greatest = f32(LIMITS["int16"][1] * output_scale)
    return interpolate(call, lambda x: greatest if x <= 0 else f32(1 / f32(sqrt(x))))


BITS = 20
"""Bits of fraction of an inverse root before its last rounding."""


def _inverse(call: Call) -> Kernel:
    """Return the int8 kernel of RSQRT: the inverse root in fixed point, rounded twice, and twice.

    Source: RsqrtEvalQuantizedInt8 in tensorflow/lite/kernels/elementwise.cc.
    """
    (scale, offset), (output_scale, zero_point) = affine(call.input(0)), affine(call.output)
    multiplier, shift = quantize_multiplier(1 / (f32(sqrt(scale)) * output_scale))

    def inverse(value: int) -> int:
        if value <= offset:
            return LIMITS["int8"][1]
        root, right = _inverse_root(value - offset)
        size = rescale_twice(1, root, BITS - right)
        return int(rescale_twice(size, multiplier, shift - BITS)) + zero_point

    return tabulate_integers(call, inverse)


THREE_HALVES = 3 << 27
ROOT_HALF = 1518500250
"""sqrt(1/2), with 31 fractional bits."""


def _inverse_root(value: int) -> tuple[int, int]:
    """Return (multiplier, right): ``1 / sqrt(value)`` is ``multiplier * 2**(-31 - right)``.

    Source: GetInvSqrtQuantizedMultiplierExp in tensorflow/lite/kernels/internal/common.h, Newton's
    method with 28 fractional bits.

    Args:
        value: from 1 to 255.
    """
    if value == 1:
        return 2**31 - 1, 0
    pairs = (31 - value.bit_length()) // 2 - 1
    half = rounding_shift(value << (2 * pairs) >> 1, 1)
    x = 1 << 28
    for _ in range(5):
        cube = product31(product31(x, x), x) << 6
        x = (product31(THREE_HALVES, x) - product31(half, cube)) << 3
    return product31(x, ROOT_HALF), 11 - pairs
