"""Integers from one scale to another, by QUANTIZE and the RELUs."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, quantize_multiplier, rescale_twice, wrapped
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import affine


def ratio_fits(call: Call) -> str | None:
    """The ratio of the scales of integers is less than 2**31."""
    if "float32" in (call.input(0).dtype, call.output.dtype):
        return None
    (scale, _), (output, _) = affine(call.input(0)), affine(call.output)
    ratio = f32(scale / output)
    return None if ratio < 2**31 else str(ratio)


def requantized(value: int, multiplier: int, shift: int) -> int:
    """Return ``value`` in the output's scale, rounded twice, as int32 arithmetic has it."""
    return wrapped(rescale_twice(value, multiplier, shift))


def requantize(call: Call, factor: float, limits: tuple[int, int]) -> Kernel:
    """Return the kernel for an int16 or int32 input whose zero point is 0.

    Args:
        call: an op with that input and an int8, int16 or, of int16, int32 output, both per-tensor.
        factor: the ratio of the scales.
        limits: bounds of the output.
    """
    output = call.output
    _, zero_point = affine(output)
    multiplier, shift = quantize_multiplier(factor)
    params = {
        "count": output.elements,
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": zero_point,
        "lowest": limits[0],
        "highest": limits[1],
    }
    source = call.input(0).dtype
    if source == output.dtype:
        return Kernel("requantize_int16_twice", params, (0,), in_place=True)
    return Kernel(f"requantize_{source}_{output.dtype}_twice", params, (0,))
