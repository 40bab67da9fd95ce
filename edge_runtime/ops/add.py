"""ADD: ``activation(a + b)``; and the kernels of SUB, which is ``a + sign * b`` with sign -1.

Whose bytes integers give:

- "litert" and "tflite-micro": both inputs moved to the scale of twice the larger one, each rounded
  twice (``rescale_twice``), and so is their sum. The two differ where TFLite Micro calculates SUB's
  multipliers in float32, and by LiteRT's shortcut for int16 whose scales are powers of two.
- "xnnpack": XNNPACK's, which multiplies int8 by 21-bit numbers and rounds the sum once. It takes
  ratios of input and output scales in [2**-10, 2**8) and up to 6 dimensions. What else there is
  gives the bytes of "litert", as LiteRT itself does by default for int16; for int8 it then runs
  vector kernels that overflow, whose bytes depend on where in a tensor an element is.
"""

from __future__ import annotations

from math import frexp

from edge_runtime.fixed_point import (
    f32,
    power_of_two,
    quantize_multiplier,
    rescale_twice,
    rounding_shift,
)
from edge_runtime.ops import Call, Kernel, activation, broadcast
from edge_runtime.ops.broadcast import scale, spread, zero_point
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

HEADROOM = {"int8": 20, "int16": 15}
"""Bits by which inputs are moved to the left before they are rescaled."""

XNNPACK_RATIOS = (2.0**-10, 2.0**8)
"""Ratios of input and output scale that LiteRT leaves to XNNPACK: from, to below."""

XNNPACK_BITS = 20
XNNPACK_RANK = 6


def scales_fit(call: Call) -> str | None:
    """Integer outputs have more than 2**-19 (int8) or 2**-14 (int16) of the larger input scale."""
    if call.output.dtype not in HEADROOM or _shifts(call) is not None:
        return None
    factor = _factors(call)[2]
    if factor < 1 and quantize_multiplier(factor)[1] <= 0:
        return None
    return f"{scale(call, 2)} for {scale(call, 0)} and {scale(call, 1)}"


def powers_fit(call: Call) -> str | None:
    """With pot_scale_int16, one input has the output's scale, the other up to 2**-15 of it."""
    shifts = _shifts(call)
    if shifts is None or (0 in shifts and min(shifts) >= 0 and max(shifts) <= 15):
        return None
    return f"2**{-shifts[0]} and 2**{-shifts[1]}"


def powers_are_not_broadcast(call: Call) -> str | None:
    """With pot_scale_int16, inputs have the same shape."""
    given = [list(call.input(position).shape) for position in (0, 1)]
    return None if _shifts(call) is None or given[0] == given[1] else f"{given[0]} and {given[1]}"


SHARED_CONSTRAINTS = (
    broadcast.two_inputs,
    broadcast.types_are_supported,
    broadcast.shapes_fit,
    broadcast.loops_fit,
    broadcast.quantization_fits,
    activation.activation_is_known,
    scales_fit,
    powers_fit,
)
"""Of ADD and SUB."""

CONSTRAINTS = (*SHARED_CONSTRAINTS, powers_are_not_broadcast)

shape = broadcast.shape


@record
class RescaledParams:
    """Parameters of ``add_int8_twice`` and ``add_int16_twice``."""

    headroom: int
    a_zero_point: int
    a_multiplier: int
    a_shift: int
    b_zero_point: int
    b_multiplier: int
    b_shift: int
    sign: int
    multiplier: int
    shift: int
    zero_point: int
    lowest: int
    highest: int


@record
class SingleParams:
    """Parameters of ``add_int8_once``; the zero points of the inputs are in the bias."""

    bias: int
    a_multiplier: int
    b_multiplier: int
    shift: int
    zero_point: int
    lowest: int
    highest: int


@record
class ShiftedParams:
    """Parameters of ``add_int16_shifted_once``."""

    a_shift: int
    b_shift: int
    sign: int
    lowest: int
    highest: int


@record
class PlainParams:
    """Parameters of ``add_int32`` and ``add_float32``, for which the ends are bits."""

    sign: int
    lowest: int
    highest: int


def lower(call: Call, sign: int = 1) -> Kernel:
    """Return the kernel of the element type and rounding.

    Args:
        call: the op.
        sign: 1, or -1 to subtract the second input.
    """
    reference, params = _chosen(call, sign)
    return Kernel(reference, params, (0, 1), (broadcast.loops(call),), in_place=True, rows=None)


def _chosen(call: Call, sign: int) -> tuple[Any, Any]:
    """Return the kernel's reference and parameters."""
    dtype = call.output.dtype
    if dtype == "float32":
        return add_float32, PlainParams(sign, *activation.float32_ends(call))
    if dtype == "int32":
        return add_int32, PlainParams(sign, *activation.int32_ends(call))
    ends = activation.quantized_ends(call)
    shifts = _shifts(call)
    if shifts is not None:
        return add_int16_shifted_once, ShiftedParams(*shifts, sign, *ends)
    if call.rounding == "xnnpack" and dtype == "int8":
        ratios = [f32(scale(call, position) / scale(call, 2)) for position in (0, 1)]
        low, high = XNNPACK_RATIOS
        if all(low <= ratio < high for ratio in ratios) and len(shape(call)) <= XNNPACK_RANK:
            return add_int8_once, _single(call, sign, ratios)
    a, b, both = (quantize_multiplier(factor) for factor in _factors(call, sign))
    params = RescaledParams(
        HEADROOM[dtype],
        zero_point(call, 0),
        *a,
        zero_point(call, 1),
        *b,
        sign,
        *both,
        zero_point(call, 2),
        *ends,
    )
    return (add_int8_twice if dtype == "int8" else add_int16_twice), params


def _factors(call: Call, sign: int = 1) -> tuple[float, float, float]:
    """Return what the two inputs and their sum are multiplied by.

    Source: Prepare in tensorflow/lite/kernels/add.cc; sub_common.cc of TFLite Micro, which divides
    float32 numbers.
    """
    a, b, made = (scale(call, position) for position in range(3))
    twice = 2 * max(a, b)
    factors = a / twice, b / twice, twice / (made * 2 ** HEADROOM[call.output.dtype])
    if call.rounding == "tflite-micro" and sign < 0:
        return f32(factors[0]), f32(factors[1]), f32(factors[2])
    return factors


def _single(call: Call, sign: int, ratios: list[float]) -> SingleParams:
    """Return XNNPACK's parameters (xnn_init_qs8_add_minmax_scalar_params)."""
    shift = XNNPACK_BITS - (frexp(max(ratios))[1] - 1)
    # round() takes halves to even, as lrintf does.
    a, b = round(ratios[0] * 2**shift), sign * round(ratios[1] * 2**shift)
    bias = 2 ** (shift - 1) - a * zero_point(call, 0) - b * zero_point(call, 1)
    return SingleParams(bias, a, b, shift, zero_point(call, 2), *activation.xnnpack_ends(call))


def _shifts(call: Call) -> tuple[int, int] | None:
    """Return by how much int16 inputs are shifted, None where their scales are no powers of two.

    Source: Prepare in tensorflow/lite/kernels/add.cc; TFLite Micro does not do so.
    """
    wanted = call.op.options["pot_scale_int16"] and call.rounding != "tflite-micro"
    if call.output.dtype != "int16" or not wanted:
        return None
    a, b, made = (power_of_two(scale(call, position)) for position in range(3))
    return None if a is None or b is None or made is None else (made - a, made - b)


def add_int8_twice(
    params: RescaledParams, a: Array, b: Array, loops: Array
) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: both inputs and their sum rescaled, rounded twice each time.

    Args:
        params: see there.
        a: int8, flat.
        b: int8, flat.
        loops: int32 [3 * LOOPS], see ``broadcast.loops``.

    Source: AddElementwise in tensorflow/lite/kernels/internal/reference/add.h, SubElementwise in
    sub.h.
    """
    import numpy as np

    return _rescaled(params, a, b, loops).astype(np.int8)


def add_int16_twice(
    params: RescaledParams, a: Array, b: Array, loops: Array
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: the same.

    Args:
        params: see there.
        a: int16, flat.
        b: int16, flat.
        loops: int32 [3 * LOOPS], see ``broadcast.loops``.
    """
    import numpy as np

    return _rescaled(params, a, b, loops).astype(np.int16)


def _rescaled(params: RescaledParams, a: Array, b: Array, loops: Array) -> Array:
    import numpy as np

    a, b = spread(a, b, loops)
    moved_a, moved_b = (a - params.a_zero_point), (b - params.b_zero_point)
    scaled_a = rescale_twice(moved_a << params.headroom, params.a_multiplier, params.a_shift)
    scaled_b = rescale_twice(moved_b << params.headroom, params.b_multiplier, params.b_shift)
    total = scaled_a + params.sign * scaled_b
    made = rescale_twice(total, params.multiplier, params.shift) + params.zero_point
    clamped: Array = np.clip(made, params.lowest, params.highest).ravel()
    return clamped


def add_int8_once(params: SingleParams, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int8]:
    """Define XNNPACK's int8 kernel: 21-bit multipliers, one rounding, halves up.

    Args:
        params: see there.
        a: int8, flat.
        b: int8, flat.
        loops: int32 [3 * LOOPS], see ``broadcast.loops``.

    Source: src/qs8-vadd of XNNPACK.
    """
    import numpy as np

    a, b = spread(a, b, loops)
    total = params.bias + a * params.a_multiplier + b * params.b_multiplier
    made = (total >> params.shift) + params.zero_point
    clamped: npt.NDArray[np.int8] = (
        np.clip(made, params.lowest, params.highest).astype(np.int8).ravel()
    )
    return clamped


def add_int16_shifted_once(
    params: ShiftedParams, a: Array, b: Array, loops: Array
) -> npt.NDArray[np.int16]:
    """Define the kernel for scales that are powers of two: one input is shifted, and rounded once.

    Args:
        params: see there.
        a: int16, flat.
        b: int16, flat.
        loops: int32 [3 * LOOPS], see ``broadcast.loops``.

    Source: Add with pot_scale in tensorflow/lite/kernels/internal/reference/add.h.
    """
    import numpy as np

    a, b = spread(a, b, loops)
    total = rounding_shift(a, params.a_shift) + params.sign * rounding_shift(b, params.b_shift)
    clamped: npt.NDArray[np.int16] = (
        np.clip(total, params.lowest, params.highest).astype(np.int16).ravel()
    )
    return clamped


def add_int32(params: PlainParams, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel: a sum that wraps.

    Args:
        params: see there.
        a: int32, flat.
        b: int32, flat.
        loops: int32 [3 * LOOPS], see ``broadcast.loops``.
    """
    import numpy as np

    a, b = spread(a, b, loops)
    total = (a + params.sign * b).astype(np.int32)
    clamped: npt.NDArray[np.int32] = (
        np.clip(total, params.lowest, params.highest).astype(np.int32).ravel()
    )
    return clamped


def add_float32(params: PlainParams, a: Array, b: Array, loops: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the sum, rounded, the same bytes as LiteRT's.

    XNNPACK's are the same but for denormal numbers, for which it has 0.

    Args:
        params: see there.
        a: float32, flat.
        b: float32, flat.
        loops: int32 [3 * LOOPS], see ``broadcast.loops``.
    """
    import numpy as np

    a, b = spread(a, b, loops)
    with np.errstate(over="ignore", invalid="ignore"):
        total = a + np.float32(params.sign) * b
    return activation.clamped_float32(total, params.lowest, params.highest)
