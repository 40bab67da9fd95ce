"""HARD_SWISH: ``x * min(max(x + 3, 0), 6) / 6``."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, quantize_multiplier, rounding_shift
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import affine, not_both_of, quantized_per_tensor, same_shape
from edge_runtime.ops.lookup import tabulate_integers


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8, uint8 or float32."""
    return not_both_of(call, "int8", "uint8", "float32")


def scales_fit(call: Call) -> str | None:
    """An input of 8 bits has a scale in [2**-22, 2**15), and over the output's in [2**-9, 2**7)."""
    if call.output.dtype == "float32":
        return None
    (scale, _), (output, _) = affine(call.input(0)), affine(call.output)
    fits = 2.0**-22 <= scale < 2.0**15 and 2.0**-9 <= scale / output < 2.0**7
    # Rounding may make a factor one power of two larger.
    fits = fits and quantize_multiplier(_factors(call)[0])[1] <= 0
    return None if fits else f"{scale} and {output}"


CONSTRAINTS = (types_are_supported, quantized_per_tensor, scales_fit)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for 8 bits, the function for float32.

    8 bits are calculated in fixed point of 16 bits, in LiteRT and in TFLite Micro; XNNPACK does not
    run them.

    Source: HardSwish in tensorflow/lite/kernels/internal/reference/hard_swish.h, HardSwishPrepare
    in tensorflow/lite/kernels/activations.cc.
    """
    if call.output.dtype == "float32":
        params = {"count": call.output.elements}
        return Kernel("hard_swish_float32", params, (0,), in_place=True)
    (multiplier, shift), (share_multiplier, share_shift) = map(_multiplier16, _factors(call))
    (_, offset), (_, zero_point) = affine(call.input(0)), affine(call.output)

    def swish(value: int) -> int:
        x = (value - offset) << BITS
        # From -3 to 3 as -1 to 1, then as 0 to 1.
        share = _saturated(x << max(share_shift - 1, 0))
        share = _product(share, share_multiplier)
        if share_shift > 0:
            share = _saturated(share << 1)
        elif share_shift < 0:
            share = rounding_shift(share, -share_shift)
        share = (share + 2**15) >> 1
        product = share * _product(x, multiplier)
        # Truncated towards 0.
        moved = abs(product) >> 15
        output: int = rounding_shift(moved if product > 0 else -moved, -shift)
        return output + zero_point

    return tabulate_integers(call, swish)


BITS = 7
"""Bits by which the difference from the zero point is shifted to fill 16."""


def _factors(call: Call) -> tuple[float, float]:
    """Return the factors from a shifted input to the output, and to steps of 3/32768."""
    (scale, _), (output, _) = affine(call.input(0)), affine(call.output)
    shifted = f32(scale / 2**BITS)
    return f32(shifted / output), f32(shifted / f32(3 / 32768))


def _multiplier16(factor: float) -> tuple[int, int]:
    """Return a multiplier of 15 bits, and its shift.

    Source: DownScaleInt32ToInt16Multiplier in tensorflow/lite/kernels/internal/common.h.
    """
    multiplier, shift = quantize_multiplier(factor)
    rounded = (multiplier + 2**15) >> 16 if multiplier < 2**31 - 2**15 else 2**15 - 1
    return rounded, shift


def _saturated(value: int) -> int:
    return max(-(2**15), min(2**15 - 1, value))


def _product(a: int, b: int) -> int:
    """Return the high 16 bits of twice the product, halves up.

    Source: SaturatingRoundingDoublingHighMul in gemmlowp's fixedpoint.h.
    """
    return (a * b + 2**14) >> 15
