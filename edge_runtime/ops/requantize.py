"""Integers from one scale to another: what QUANTIZE and the RELUs do to int16."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, quantize_multiplier, rescale_twice, wrapped
from edge_runtime.ops import Call, Kernel
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

LIMITS = {"int8": (-(2**7), 2**7 - 1), "uint8": (0, 2**8 - 1), "int16": (-(2**15), 2**15 - 1)}
"""Least and greatest number of a type."""


@record
class Params:
    """Parameters of ``requantize_int16_twice`` and ``requantize_int16_int8_twice``.

    Attributes:
        multiplier: see ``quantize_multiplier``.
        shift: likewise.
        zero_point: of the output; the input's is 0.
        lowest: the output is cut to this,
        highest: and to this.
    """

    count: int
    multiplier: int
    shift: int
    zero_point: int
    lowest: int
    highest: int


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
    zero_point = made.quantization.zero_points[0]
    params = Params(made.elements, multiplier, shift, zero_point, *limits)
    if made.dtype == "int8":
        return Kernel(requantize_int16_int8_twice, params, (0,))
    return Kernel(requantize_int16_twice, params, (0,), in_place=True)


def _requantized(params: Params, tensor: Array) -> Array:
    """Return int32 values in int64."""
    import numpy as np

    scaled = rescale_twice(tensor.astype(np.int64), params.multiplier, params.shift)
    # Sums wrap as int32 does.
    moved = (scaled + params.zero_point).astype(np.int32)
    cut: Array = np.clip(moved, params.lowest, params.highest)
    return cut


def requantize_int16_twice(params: Params, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the kernel: rounded twice, halves away from zero.

    Source: reference_ops::Requantize and MultiplyByQuantizedMultiplier of TFLite without
    TFLITE_SINGLE_ROUNDING.

    Args:
        params: see there.
        tensor: int16 [count].
    """
    return _requantized(params, tensor).astype("int16")


def requantize_int16_int8_twice(params: Params, tensor: Array) -> npt.NDArray[np.int8]:
    """Define the kernel: the same, for another type of the output.

    Args:
        params: see there.
        tensor: int16 [count].
    """
    return _requantized(params, tensor).astype("int8")
