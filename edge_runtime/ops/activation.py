"""What the fused activation of an op clamps to."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, float_bits, half_away
from edge_runtime.ops import Call

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    from edge_runtime.graph import Tensor

    Array = npt.NDArray[Any]

INFINITY = float("inf")

ENDS = {
    "NONE": (-INFINITY, INFINITY),
    "RELU": (0.0, INFINITY),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU6": (0.0, 6.0),
}
"""By their names, in the order of enum ActivationFunctionType."""

FLOAT32_MAX = 2.0**128 - 2.0**104
INT32_MAX = 2**31 - 1


def activation_is_known(call: Call) -> str | None:
    """The fused activation is NONE, RELU, RELU_N1_TO_1 or RELU6."""
    code = call.op.options["fused_activation"]
    return None if 0 <= code < len(ENDS) else str(code)


def _fused(call: Call) -> tuple[float, float]:
    """Return the ends of the fused activation."""
    return tuple(ENDS.values())[call.op.options["fused_activation"]]


def quantized_ends(call: Call) -> tuple[int, int]:
    """Return the ends in the numbers of the output, int8 or int16 with one scale and zero point."""
    return quantized(call.output, _fused(call))


def quantized(made: Tensor, ends: tuple[float, float]) -> tuple[int, int]:
    """Return ``ends`` in the numbers of a tensor, int8 or int16 with one scale and zero point.

    Source: CalculateActivationRangeQuantized, tensorflow/lite/kernels/kernel_util.cc.
    """
    return _quantized(made, ends, lambda value, zero_point: zero_point + half_away(value))


def xnnpack_ends(call: Call) -> tuple[int, int]:
    """Return the ends as XNNPACK rounds them: with the zero point added, halves to even."""
    return _quantized(
        call.output, _fused(call), lambda value, zero_point: round(f32(value + zero_point))
    )


def _quantized(
    made: Tensor, ends: tuple[float, float], rounded: Callable[[float, int], int]
) -> tuple[int, int]:
    low, high = ends
    assert made.quantization is not None
    scale, zero_point = made.quantization.scales[0], made.quantization.zero_points[0]
    limit = 2**7 if made.dtype == "int8" else 2**15

    def end(value: float, otherwise: int) -> int:
        scaled = f32(value / scale)
        if abs(scaled) == INFINITY:
            return otherwise
        return max(-limit, min(limit - 1, rounded(scaled, zero_point)))

    return end(low, -limit), end(high, limit - 1)


def int32_ends(call: Call) -> tuple[int, int]:
    """Return the ends of an int32 output, which has no scale."""
    low, high = _fused(call)
    return (
        -INT32_MAX - 1 if low == -INFINITY else int(low),
        INT32_MAX if high == INFINITY else int(high),
    )


def unlimited_ends(call: Call) -> tuple[int, int]:
    """Return the bits of the ends of a float32 output, infinity where there is none."""
    low, high = _fused(call)
    return float_bits(low), float_bits(high)


def float32_ends(call: Call) -> tuple[int, int]:
    """Return the bits of the ends of a float32 output.

    Where the activation has no end, LiteRT's kernels clamp to the largest finite numbers, and
    XNNPACK's do not clamp.
    """
    low, high = _fused(call)
    if call.rounding == "xnnpack":
        return unlimited_ends(call)
    return float_bits(max(low, -FLOAT32_MAX)), float_bits(min(high, FLOAT32_MAX))


def clamped_float32(values: Array, lowest: int, highest: int) -> npt.NDArray[np.float32]:
    """Return float32 values inside the ends, whose bits are given; NaN and -0.0 stay."""
    import numpy as np

    low, high = np.array([lowest, highest], np.int32).view(np.float32)
    clamped = np.where(values < low, low, np.where(values > high, high, values))
    return clamped.ravel()
