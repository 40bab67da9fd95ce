"""Integers from one scale to another: what QUANTIZE and the RELUs do to int16."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, quantize_multiplier, rescale_twice, wrapped
from edge_runtime.ops.call import Call, Kernel

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    Array = npt.NDArray[Any]

LIMITS = {"int8": (-(2**7), 2**7 - 1), "uint8": (0, 2**8 - 1), "int16": (-(2**15), 2**15 - 1)}
"""Least and greatest number of a type."""


def ratio_fits(call: Call) -> str | None:
    """The ratio of the scales of integers is less than 2**31."""
    given, made = call.input(0).quantization, call.output.quantization
    if given is None or made is None:
        return None
    ratio = f32(given.scales[0] / made.scales[0])
    return None if ratio < 2**31 else str(ratio)


def requantized(value: int, multiplier: int, shift: int) -> int:
    """Return ``value`` in the output's scale, rounded twice, as int32 arithmetic has it."""
    return wrapped(rescale_twice(value, multiplier, shift))


def requantize(call: Call, factor: float, limits: tuple[int, int]) -> Kernel:
    """Return the kernel for an int16 input whose zero point is 0.

    Args:
        call: an op with an int16 input and an int16 or int8 output, both per-tensor.
        factor: the ratio of the scales.
        limits: what the output is cut to.
    """
    made = call.output
    assert made.quantization is not None
    multiplier, shift = quantize_multiplier(factor)
    params = {
        "count": made.elements,
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": made.quantization.zero_points[0],
        "lowest": limits[0],
        "highest": limits[1],
    }
    if made.dtype == "int8":
        return Kernel("requantize_int16_int8_twice", params, (0,))
    return Kernel("requantize_int16_twice", params, (0,), in_place=True)
