"""QUANTIZE: float32 or integers to integers of a scale."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, float_bits, quantize_multiplier
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import LIMITS, affine, quantized_per_tensor, same_shape
from edge_runtime.ops.lookup import tabulate_integers
from edge_runtime.ops.requantize import ratio_fits, requantize, requantized

TARGETS = {
    **dict.fromkeys(("float32", "int8", "uint8"), ("int8", "uint8", "int16")),
    "int16": ("int8", "int16", "int32"),
    "int32": ("int8", "int16"),
}
"""Element type of the input -> those of the output."""


def types_are_supported(call: Call) -> str | None:
    """Float32, 8 bits to int8, uint8, int16; int16 to int8, int16, int32; int32 to int8, int16."""
    source, target = call.input(0).dtype, call.output.dtype
    return None if target in TARGETS.get(source, ()) else f"{source} to {target}"


def zero_point_of_int32_is_0(call: Call) -> str | None:
    """The zero point of int32 is 0."""
    for tensor in (call.input(0), call.output):
        if tensor.dtype == "int32" and affine(tensor)[1]:
            return str(affine(tensor)[1])
    return None


def scale_has_an_inverse(call: Call) -> str | None:
    """The output's scale is at least 2**-126."""
    scale, _ = affine(call.output)
    return None if scale >= 2.0**-126 else str(scale)


CONSTRAINTS = (
    types_are_supported,
    quantized_per_tensor,
    zero_point_of_int32_is_0,
    scale_has_an_inverse,
    ratio_fits,
)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for 8-bit inputs, arithmetic for others.

    LiteRT and TFLite Micro have the same bytes: integers are rounded twice. XNNPACK multiplies
    float32 by the inverse scale, and 8 bits of the same sign by a factor of 8 bits of fraction, as
    long as it supports the ratio of the scales. All others go to LiteRT's optimised kernels, which
    are equal to these except for 8 bits to 8 bits: there the second rounding's halves go up, in all
    elements but the last ``count % 16``. That is not reproduced; where scales differ,
    ``rounding="xnnpack"`` is up to one step off in int8 to uint8, uint8 to int8, and ratios outside
    of [2**-8, 2**7].

    Source: tensorflow/lite/kernels/quantize.cc, reference/quantize.h, reference/requantize.h; of
    XNNPACK src/f32-qs8-vcvt/scalar-lrintf.c.in, src/qs8-vcvt/scalar.c.in.
    """
    source, output = call.input(0), call.output
    scale, zero_point = affine(output)
    limits = LIMITS.get(output.dtype, (-(2**31), 2**31 - 1))
    if source.dtype == "float32":
        once = call.rounding == "xnnpack"
        bits = float_bits(1 / scale if once else scale)
        params = {
            "count": output.elements,
            "scale": bits,
            "zero_point": zero_point,
            "lowest": limits[0],
            "highest": limits[1],
        }
        size = "int16" if output.dtype == "int16" else "int8"
        return Kernel(f"quantize_even_{size}" if once else f"quantize_{size}", params, (0,))
    source_scale, offset = affine(source)
    ratio = source_scale / scale
    if source.dtype in ("int16", "int32"):
        return requantize(call, ratio, limits)
    if call.rounding == "xnnpack" and source.dtype == output.dtype and 2**-8 <= f32(ratio) <= 2**7:
        factor = round(256 * f32(ratio))
        return tabulate_integers(call, lambda x: (((x - offset) * factor + 128) >> 8) + zero_point)
    multiplier, shift = quantize_multiplier(ratio)
    return tabulate_integers(
        call, lambda x: requantized(x - offset, multiplier, shift) + zero_point
    )
