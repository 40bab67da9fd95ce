"""The bounds that the fused activation of an op clamps its output to."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, float_bits, half_away
from edge_runtime.ops.call import Call
from edge_runtime.ops.constraints import LIMITS, affine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_runtime.graph import Tensor

INFINITY = float("inf")

BOUNDS = {
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
    return None if 0 <= code < len(BOUNDS) else str(code)


def activation_is_none(call: Call) -> str | None:
    """There is no fused activation."""
    code = call.op.options["fused_activation"]
    return str(code) if code else None


def _fused(call: Call) -> tuple[float, float]:
    """Return the bounds of the fused activation."""
    return tuple(BOUNDS.values())[call.op.options["fused_activation"]]


def _params(lowest: int, highest: int) -> dict[str, int]:
    return {"lowest": lowest, "highest": highest}


def quantized_bounds(call: Call) -> dict[str, int]:
    """Return the bounds in the numbers of the output, of integers with one scale."""
    return _params(*quantized(call.output, _fused(call)))


def quantized(output: Tensor, bounds: tuple[float, float]) -> tuple[int, int]:
    """Return ``bounds`` in the numbers of a tensor, of integers with one scale and zero point.

    Source: CalculateActivationRangeQuantized, tensorflow/lite/kernels/kernel_util.cc.
    """
    return _quantized(output, bounds, lambda value, zero_point: zero_point + half_away(value))


def xnnpack_bounds(call: Call) -> dict[str, int]:
    """Return the bounds as XNNPACK rounds them: with the zero point added, halves to even."""
    bounds = _quantized(
        call.output, _fused(call), lambda value, zero_point: round(f32(value + zero_point))
    )
    return _params(*bounds)


def _quantized(
    output: Tensor, bounds: tuple[float, float], rounded: Callable[[float, int], int]
) -> tuple[int, int]:
    low, high = bounds
    scale, zero_point = affine(output)
    least, greatest = LIMITS[output.dtype]

    def bound(value: float, otherwise: int) -> int:
        scaled = f32(value / scale)
        if abs(scaled) == INFINITY:
            return otherwise
        return max(least, min(greatest, rounded(scaled, zero_point)))

    return bound(low, least), bound(high, greatest)


def int32_bounds(call: Call) -> dict[str, int]:
    """Return the bounds of an int32 or int64 output, which has no scale.

    Those that the activation does not have are the extremes of int32, also for int64.
    """
    low, high = _fused(call)
    return _params(
        -INT32_MAX - 1 if low == -INFINITY else int(low),
        INT32_MAX if high == INFINITY else int(high),
    )


def unlimited_bounds(call: Call) -> dict[str, int]:
    """Return the bits of the bounds of a float32 output, infinity where there is none."""
    low, high = _fused(call)
    return _params(float_bits(low), float_bits(high))


def float32_bounds(call: Call) -> dict[str, int]:
    """Return the bits of the bounds of a float32 output.

    Where the activation has no bound, LiteRT's kernels clamp to the largest finite numbers, and
    XNNPACK's do not clamp.
    """
    low, high = _fused(call)
    if call.rounding == "xnnpack":
        return unlimited_bounds(call)
    return _params(float_bits(max(low, -FLOAT32_MAX)), float_bits(min(high, FLOAT32_MAX)))
