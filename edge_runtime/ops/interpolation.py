"""A function of one int16 number as a table of 513 points, between which a kernel interpolates."""

from __future__ import annotations

import struct

from edge_runtime.fixed_point import f32, half_away
from edge_runtime.ops.call import Call, Constant, Kernel
from edge_runtime.ops.constraints import affine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = 512
RANGE = 2**16 - 1
LOW, HIGH = -(2**15), 2**15 - 1


def interpolate(call: Call, function: Callable[[float], float]) -> Kernel:
    """Return the kernel that applies ``function`` from the input's scale to the output's.

    LiteRT and TFLite Micro have the same table, but for the last bit of the C library's functions.

    Args:
        call: an op with one int16 input and an int16 output, whose zero points are 0.
        function: of a float32 number, rounded to float32.
    """
    scale, _ = affine(call.input(0))
    output_scale, _ = affine(call.output)
    entries = table(function, (f32(scale * LOW), f32(scale * HIGH)), output_scale, f32)
    constant = Constant("int16", struct.pack(f"<{len(entries)}h", *entries), table=True)
    params = {"count": call.output.elements}
    return Kernel("interpolation_int16", params, (0,), (constant,), in_place=True)


def table(
    function: Callable[[float], float],
    bounds: tuple[float, float],
    scale: float,
    rounded: Callable[[float], float],
) -> list[int]:
    """Return the int16 table of a function, its entries adjusted so that midpoints fit as well.

    Source: LUTPopulateInt16 in tensorflow/lite/kernels/internal/common.h.

    Args:
        function: it returns a number or an infinity, rounded.
        bounds: the first and the last number of the table.
        scale: of the output.
        rounded: rounds each step of the calculation: ``f32``, or ``float`` for double.
    """
    first, last = bounds
    inverse = rounded((RANGE + 1) / rounded(rounded(scale * HIGH) - rounded(scale * LOW)))
    step = rounded(rounded(last - first) / STEPS)
    half = rounded(step / 2)

    def at(x: float) -> float:
        return rounded(function(x) * inverse)

    entries, following = [], at(first)
    for i in range(STEPS):
        start, value = rounded(first + rounded(i * step)), half_away(following)
        middle = half_away(at(rounded(start + half)))
        following = at(rounded(first + rounded((i + 1) * step)))
        between = half_away(rounded(rounded(following + value) / 2))
        entries.append(value - half_away((between - middle) / 2))
    entries.append(half_away(at(last)))
    return [max(LOW, min(HIGH, entry)) for entry in entries]
