"""A real factor as an int32 multiplier and a shift, and float32 arithmetic in plain Python.

``rescale_once`` and ``rescale_twice`` work on numbers and on arrays alike. Only functions that
need arrays import NumPy.
"""

from __future__ import annotations

import struct
from math import frexp, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_FLOAT32 = struct.Struct("<f")


def f32(value: float) -> float:
    """Return ``value`` rounded to float32; what overflows becomes infinity."""
    try:
        rounded: float = _FLOAT32.unpack(_FLOAT32.pack(value))[0]
        return rounded
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def wrapped(value: int) -> int:
    """Return ``value`` wrapped to int32."""
    return (value + 2**31) % 2**32 - 2**31


def product31(a: int, b: int) -> int:
    """Return the product of numbers with 31 fractional bits, halves up, without saturation."""
    return (a * b + 2**30) >> 31


def power_of_two(scale: float) -> int | None:
    """Return the exponent of a scale that LiteRT considers a power of two; None of others.

    Source: CheckedLog2 in tensorflow/lite/kernels/internal/quantization_util.cc.
    """
    exponent = f32(f32(log(scale)) * f32(1 / f32(log(2))))
    return round(exponent) if abs(exponent - round(exponent)) < f32(1e-3) else None


def float_bits(value: float) -> int:
    """Return the bits of a float32 number as an int32."""
    return int(struct.unpack("<i", struct.pack("<f", value))[0])


def half_away(value: float) -> int:
    """Round to the nearest integer, halves away from zero, as C's ``round`` does.

    Infinity, NaN and numbers beyond ±2**62, which only absurd scales lead to, count as ±2**62.
    """
    if not abs(value) < 2**62:
        return 2**62 if value > 0 else -(2**62)
    whole = int(abs(value))
    rounded = whole + (abs(value) - whole >= 0.5)
    return rounded if value >= 0 else -rounded


def quantize_multiplier(factor: float) -> tuple[int, int]:
    """Return (multiplier, shift) so that ``factor`` is about ``multiplier * 2**(shift - 31)``.

    Source: QuantizeMultiplier in tensorflow/lite/kernels/internal/quantization_util.cc.

    Args:
        factor: not negative; a factor too large for a shift of 30, such as infinity, is clamped.

    Returns:
        A multiplier of 0 or in [2**30, 2**31), a shift in [-31, 30].
    """
    fraction, shift = frexp(min(2.0**40, factor))
    # half_away, of which this is exact
    multiplier = int(fraction * 2**31 + (0.5 if fraction > 0 else -0.5))
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    if shift < -31:
        return 0, 0
    return (2**31 - 1, 30) if shift > 30 else (multiplier, shift)


def quantize_multipliers(factors: list[float]) -> tuple[list[int], list[int]]:
    """Return the multipliers and the shifts of ``quantize_multiplier`` for each factor.

    A layer has one for each channel, a model thousands: twice as fast as one after another.
    """
    if min(factors) >= 2.0**-32 and max(factors) < 2.0**29:
        multipliers, shifts = [], []
        for factor in factors:
            fraction, shift = frexp(factor)
            multipliers.append(int(fraction * 2.0**31 + 0.5))
            shifts.append(shift)
        if max(multipliers) < 2**31:
            return multipliers, shifts
    pairs = [quantize_multiplier(factor) for factor in factors]
    return [multiplier for multiplier, _ in pairs], [shift for _, shift in pairs]


INT8_STEPS = 256
"""Most steps of an int8 output from its zero point."""

NEAR = 2.0**-28
"""Bound of the relative error of a multiplier of 31 bits and of its neighbours."""

_FRACTION = 48
_LANE = _FRACTION + 16
_ONES, _ODD = (
    int.from_bytes(struct.pack(f"<{INT8_STEPS}Q", *numbers), "little")
    for numbers in ([1] * INT8_STEPS, range(1, 2 * INT8_STEPS, 2))
)
_WHOLE = _ONES << _FRACTION
"""A number of INT8_STEPS lanes of _LANE bits, 64, holds one number for each output step, with
_FRACTION bits of fraction; all are calculated at once."""


def rounding_multiplier(factor: float) -> tuple[int, int]:
    """Return (multiplier, shift) for which ``rescale_once`` is int8 ``half_away(total * factor)``.

    Halves up and halves away from zero are the same for a multiplier a little above the factor,
    and ``quantize_multiplier``'s may be a little below it, or equal. So each total at which the
    output changes is checked, and the nearest multiplier that is right for all is returned. It is
    ``quantize_multiplier``'s or next to it: the factor itself is right, but for halves.

    Some factors have no such multiplier. Then ``quantize_multiplier``'s is returned, which is one
    step off for totals next to some of these changes:

    - Where totals are large. Of random products of scales all from 1e-4 to 1 have a multiplier;
      0.2 % from 5e-5 to 1e-4 have none, 4 % from 2e-5 and 20 % from 1e-5 on, two thirds from 1e-6
      on. The totals that are off are beyond 2.8 million, so that a layer needs more than 86
      products of the greatest size, or a large bias.
    - Where the factor is the double next to a fraction such as 7/10, whose products doubles round
      to either side of a half. There small totals are off, too.

    A call needs 5 µs, and up to 80 µs where many outputs change close to a whole total.

    Source: FullyConnected in tflite/kernels/internal/reference/integer_ops/fully_connected.h of
    LiteRT: ``round`` of a product of doubles.

    Args:
        factor: not negative.
    """
    multiplier, shift = quantize_multiplier(factor)
    if not 2.0**-31 < factor < 2.0**30:
        return multiplier, shift
    inverse = 1 / factor
    least, largest = multiplier - 1, min(multiplier + 1, 2**31 - 1)
    for odd in _near(inverse):
        half = odd * 0.5
        total = int(half * inverse) or 1
        # half_away(total * factor) reaches the step where the product reaches its half.
        while total * factor < half:
            total += 1
        while total > 1 and (total - 1) * factor >= half:
            total -= 1
        end = odd << (30 - shift)
        if least * total <= end:
            least = end // total + 1
        if largest * (total - 1) >= end:
            largest = (end - 1) // (total - 1)
        if least > largest:
            return multiplier, shift
    return min(max(multiplier, least), largest), shift


def _near(inverse: float) -> list[int]:
    """Return the odd numbers whose half, times ``inverse``, is close to a whole total.

    Elsewhere a multiplier that is off by NEAR gives the same output.
    """
    margin = int(inverse * (NEAR * 2.0 ** (_FRACTION - 1))) + 1
    if margin * 2 * INT8_STEPS >= 2 ** (_FRACTION - 1):
        return list(range(1, 2 * INT8_STEPS, 2))
    fraction = int(inverse * 2.0 ** (_FRACTION - 1)) % 2**_FRACTION
    moved = (_ODD * (fraction + margin)) & (_WHOLE - _ONES)
    far = ((moved | _WHOLE) - _ODD * (2 * margin)) & _WHOLE
    if far == _WHOLE:
        return []
    lanes = (far ^ _WHOLE).to_bytes(INT8_STEPS * _LANE // 8, "little")[_FRACTION // 8 :: _LANE // 8]
    return [2 * step + 1 for step, lane in enumerate(lanes) if lane]


def exact_multiplier(factor: float) -> tuple[int, int]:
    """Return (multiplier, shift) so that ``factor`` is ``multiplier * 2**(shift - 53)``.

    int16 has too many outputs for a multiplier of 31 bits to round all as a product of doubles.

    Args:
        factor: positive and finite.

    Returns:
        A multiplier in [2**52, 2**53), and a shift.
    """
    fraction, shift = frexp(factor)
    return int(fraction * 2**53), shift


def rescale_once(total: Any, multiplier: Any, shift: Any) -> Any:
    """Return ``total * multiplier * 2**(shift - 31)``, rounded once, halves up.

    Source: MultiplyByQuantizedMultiplier of TFLite with TFLITE_SINGLE_ROUNDING; in C
    ``ek_rescale_once``.

    Args:
        total: int, or int64 array of int32 values.
        multiplier: from ``quantize_multiplier``, or an int64 array of such.
        shift: its shift, or an int64 array of such.

    Returns:
        int or int64 array; the caller has to wrap values that leave int32.
    """
    right = 31 - shift
    return (total * multiplier + (1 << (right - 1))) >> right


def rescale_twice(total: Any, multiplier: Any, shift: Any) -> Any:
    """Return ``total * multiplier * 2**(shift - 31)``, rounded twice; in C ``ek_rescale_twice``.

    gemmlowp and TFLite Micro round like this.

    Source: MultiplyByQuantizedMultiplier of TFLite without TFLITE_SINGLE_ROUNDING: the product's
    high word rounds halves up (SaturatingRoundingDoublingHighMul), the shift away from zero
    (RoundingDivideByPOT).

    Args:
        total: int, or int64 array of int32 values.
        multiplier: from ``quantize_multiplier``, or an int64 array of such.
        shift: its shift, or an int64 array of such.
    """
    left, right = shift * (shift > 0), -shift * (shift < 0)
    moved = ((total << left) + 2**31) % 2**32 - 2**31
    product = moved * multiplier
    # The truncating division of the source is this floor, for either sign.
    return rounding_shift((product + 2**30) >> 31, right)


def rescale_reduced(total: Any, multiplier: Any, shift: Any) -> Any:
    """Return ``total * multiplier * 2**(shift - 31)`` with a multiplier rounded to 16 bits.

    It is rounded once, halves up; ``ek_rescale_reduced``.

    Source: MultiplyByQuantizedMultiplier for int64 in tensorflow/lite/kernels/internal/common.cc.

    Args:
        total: int64 array; products wrap.
        multiplier: int64 array of multipliers of ``quantize_multiplier``.
        shift: int64 array of its shifts.
    """
    import numpy as np

    reduced = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
    # A shift of 15 or more to the left stands for a factor that no sensible scale gives.
    right = np.maximum(15 - shift, 1)
    with np.errstate(over="ignore"):
        return (total * reduced + (np.int64(1) << (right - 1))) >> right


def rounding_shift(value: Any, right: Any) -> Any:
    """Return ``value / 2**right``, halves away from zero; ``ek_rounding_shift``.

    Source: RoundingDivideByPOT in gemmlowp's fixedpoint.h.

    Args:
        value: int, or int64 array of int32 values.
        right: not negative; int, or int64 array.
    """
    mask = (1 << right) - 1
    return (value >> right) + ((value & mask) > (mask >> 1) + (value < 0))


def rescale_exact(total: Any, multiplier: Any, shift: Any) -> Any:
    """Return ``half_away(total * factor)``, the product rounded to a double; ``ek_rescale_exact``.

    Args:
        total: int64 array, clamped to ±(2**53 - 1).
        multiplier: int64 array of multipliers of ``exact_multiplier``.
        shift: int32 array of its shifts.

    Returns:
        int64 array; a number beyond int16 stays beyond it, but changes. (LiteRT's result is
        undefined where the product leaves int32.)
    """
    import numpy as np

    most = 2**53 - 1
    product = np.clip(total, -most, most) * np.ldexp(multiplier.astype(np.float64), shift - 53)
    size = np.minimum(np.abs(product), 2.0**16)
    whole = np.floor(size)
    return (np.sign(product) * (whole + (size - whole >= 0.5))).astype(np.int64)
