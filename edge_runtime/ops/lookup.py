"""A function of one 8-bit number as a table of its 256 values."""

from __future__ import annotations

from math import exp, isfinite

from edge_runtime.fixed_point import f32, half_away
from edge_runtime.ops.call import Call, Constant, Kernel
from edge_runtime.ops.constraints import LIMITS, affine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def tabulate(call: Call, function: Callable[[float], float], *, by_xnnpack: bool = False) -> Kernel:
    """Return the kernel that applies ``function`` from the input's scale to the output's.

    Source: LUTPopulate in tensorflow/lite/kernels/internal/common.h, which calculates in float32
    and rounds halves away from zero. XNNPACK does it in another way
    (src/reference/unary-elementwise.cc): the zero point is added first, and halves go to the even
    number. LiteRT calls the C library of its machine, here the function is rounded correctly: where
    a value lies within that library's error of a half, the table may be one off.

    Args:
        call: an op with an int8 or uint8 input and an output of that type, both per-tensor.
        function: of a float32 number, rounded to float32.
        by_xnnpack: whether to round as XNNPACK does, which runs few of these ops.
    """
    (scale, offset), (output_scale, zero_point) = affine(call.input(0)), affine(call.output)
    inverse = f32(1 / output_scale)

    def quantized(value: int) -> int:
        scaled = f32(f32(function(f32(scale * (value - offset)))) * inverse)
        if not isfinite(scaled):
            return -(2**15) if scaled < 0 else 2**15
        if by_xnnpack:
            return round(f32(scaled + zero_point))
        return half_away(scaled) + zero_point

    return tabulate_integers(call, quantized)


def exponential(x: float) -> float:
    """Return e**x, rounded to float32."""
    return f32(exp(x)) if x < 89 else float("inf")


def tabulate_integers(call: Call, function: Callable[[int], int]) -> Kernel:
    """Return the kernel that applies ``function`` to quantised numbers.

    Args:
        call: an op with an int8 or uint8 input, and an output of int8, uint8 or int16.
        function: of a quantised number; its value is clamped to the range of the output's type.
    """
    signed, dtype = call.input(0).dtype == "int8", call.output.dtype
    low, high = LIMITS[dtype]
    size = 2 if dtype == "int16" else 1
    table = bytearray()
    for index in range(-128, 128):
        # A uint8 number's byte is read as int8: 128 comes first.
        value = function(index if signed else index % 256)
        table += max(low, min(high, value)).to_bytes(size, "little", signed=low < 0)
    constants = (Constant(dtype, bytes(table), table=True),)
    params = {"count": call.output.elements}
    if size == 2:
        return Kernel("lookup_int16", params, (0,), constants)
    return Kernel("lookup_int8", params, (0,), constants, in_place=True)
