"""What the fused activation of an op clamps to."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, float_bits, half_away
from edge_runtime.ops import Call

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

INFINITY = float("inf")

ENDS = (
    (-INFINITY, INFINITY),
    (0.0, INFINITY),
    (-1.0, 1.0),
    (0.0, 6.0),
)
"""Ends of NONE, RELU, RELU_N1_TO_1 and RELU6, by enum ActivationFunctionType."""

FLOAT32_MAX = 2.0**128 - 2.0**104
INT32_MAX = 2**31 - 1


def activation_is_known(call: Call) -> str | None:
    """The fused activation is NONE, RELU, RELU_N1_TO_1 or RELU6."""
    code = call.op.options["fused_activation"]
    return None if 0 <= code < len(ENDS) else str(code)


def quantized_ends(call: Call) -> tuple[int, int]:
    """Return the ends in the numbers of the output, int8 or int16 with one scale and zero point.

    Source: CalculateActivationRangeQuantized, tensorflow/lite/kernels/kernel_util.cc.
    """
    return _quantized(call, lambda value, zero_point: zero_point + half_away(value))


def xnnpack_ends(call: Call) -> tuple[int, int]:
    """Return the ends as XNNPACK rounds them: with the zero point added, halves to even."""
    return _quantized(call, lambda value, zero_point: round(f32(value + zero_point)))


def _quantized(call: Call, rounded: Callable[[float, int], int]) -> tuple[int, int]:
    low, high = ENDS[call.op.options["fused_activation"]]
    made = call.output.quantization
    assert made is not None
    scale, zero_point = made.scales[0], made.zero_points[0]
    limit = 2**7 if call.output.dtype == "int8" else 2**15

    def quantized(value: float, otherwise: int) -> int:
        scaled = f32(value / scale)
        if abs(scaled) == INFINITY:
            return otherwise
        return max(-limit, min(limit - 1, rounded(scaled, zero_point)))

    return quantized(low, -limit), quantized(high, limit - 1)


def int32_ends(call: Call) -> tuple[int, int]:
    """Return the ends of an int32 output, which has no scale."""
    low, high = ENDS[call.op.options["fused_activation"]]
    return (
        -INT32_MAX - 1 if low == -INFINITY else int(low),
        INT32_MAX if high == INFINITY else int(high),
    )


def unlimited_ends(call: Call) -> tuple[int, int]:
    """Return the bits of the ends of a float32 output, infinity where there is none."""
    low, high = ENDS[call.op.options["fused_activation"]]
    return float_bits(low), float_bits(high)


def float32_ends(call: Call) -> tuple[int, int]:
    """Return the bits of the ends of a float32 output.

    Where the activation has no end, LiteRT's kernels clamp to the largest finite numbers, and
    XNNPACK's do not clamp.
    """
    low, high = ENDS[call.op.options["fused_activation"]]
    if call.rounding == "single":
        return unlimited_ends(call)
    return float_bits(max(low, -FLOAT32_MAX)), float_bits(min(high, FLOAT32_MAX))
