"""ABS: the size of a number."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, quantize_multiplier
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import (
    LIMITS,
    affine,
    not_both_of,
    same_shape,
    small_integers_are_quantized,
)
from edge_runtime.ops.lookup import tabulate_integers
from edge_runtime.ops.requantize import requantized


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8, int16, int32 or float32."""
    return not_both_of(call, "int8", "int16", "int32", "float32")


def ratio_fits(call: Call) -> str | None:
    """The ratio of the scales of int8 and int16 is less than 2**31."""
    if call.output.dtype not in LIMITS or _ratio(call) < 2**31:
        return None
    return str(_ratio(call))


CONSTRAINTS = (types_are_supported, small_integers_are_quantized, ratio_fits)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for int8, fixed-point arithmetic for int16, the function for others.

    Quantised sizes are rescaled, rounded twice. XNNPACK does not run integers.

    Source: AbsEvalQuantized in tensorflow/lite/kernels/elementwise.cc.
    """
    dtype, count = call.output.dtype, call.output.elements
    if dtype in ("float32", "int32"):
        return Kernel(f"unary_abs_{dtype}", {"count": count}, (0,), in_place=True)
    # Equal scales have the factor 1, which changes nothing.
    multiplier, shift = quantize_multiplier(_ratio(call))
    if dtype == "int16":
        params = {"count": count, "multiplier": multiplier, "shift": shift}
        return Kernel("abs_int16_twice", params, (0,), in_place=True)
    (_, offset), (_, zero_point) = affine(call.input(0)), affine(call.output)
    return tabulate_integers(
        call, lambda x: requantized(abs(x - offset), multiplier, shift) + zero_point
    )


def _ratio(call: Call) -> float:
    """Return the ratio of the scales in float32."""
    return f32(affine(call.input(0))[0] / affine(call.output)[0])
