"""MUL: ``activation(a * b)``.

Whose bytes integers give:

- "litert": the product rescaled and rounded twice (``rescale_twice``) by a factor of float32
  numbers; "tflite-micro": the same with the factor calculated in double, as TFLite Micro does.
- "xnnpack": XNNPACK's, which multiplies the int8 product by a float32 factor and rounds halves to
  even. It takes factors in [2**-16, 2**8) and up to 6 dimensions. What else there is gives the
  bytes of "litert", as LiteRT itself does by default for int16; for int8 it then runs vector
  kernels that overflow, whose bytes depend on where in a tensor an element is. XNNPACK's kernels
  for Arm round halves up, which is not followed.
"""

from __future__ import annotations

from edge_runtime.fixed_point import f32, float_bits, quantize_multiplier, rescale_twice
from edge_runtime.ops import Call, Kernel, activation, broadcast
from edge_runtime.ops.add import XNNPACK_RANK
from edge_runtime.ops.broadcast import scale, spread, zero_point
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

XNNPACK_FACTORS = (2.0**-16, 2.0**8)
"""Factors that LiteRT leaves to XNNPACK: from, to below."""


def factor_fits(call: Call) -> str | None:
    """The product of integer input scales is less than 2**30 of the output's scale."""
    if call.output.dtype not in ("int8", "int16") or _factor(call) < 2**30:
        return None
    return f"{scale(call, 0)} * {scale(call, 1)} for {scale(call, 2)}"


CONSTRAINTS = (
    broadcast.two_inputs,
    broadcast.types_are_supported,
    broadcast.shapes_fit,
    broadcast.loops_fit,
    broadcast.quantization_fits,
    activation.activation_is_known,
    factor_fits,
)

shape = broadcast.shape


@record
class RescaledParams:
    """Parameters of ``mul_int8_twice`` and ``mul_int16_twice``."""

    a_zero_point: int
    b_zero_point: int
    multiplier: int
    shift: int
    zero_point: int
    lowest: int
    highest: int


@record
class SingleParams:
    """Parameters of ``mul_int8_float``; the factor is the bits of a float32 number."""

    a_zero_point: int
    b_zero_point: int
    factor: int
    zero_point: int
    lowest: int
    highest: int


@record
class PlainParams:
    """Parameters of ``mul_int32`` and ``mul_float32``, for which the ends are bits."""

    lowest: int
    highest: int


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type and rounding."""
    reference, params = _chosen(call)
    return Kernel(reference, params, (0, 1), (broadcast.loops(call),), in_place=True, rows=None)


def _chosen(call: Call) -> tuple[Any, Any]:
    """Return the kernel's reference and parameters."""
    dtype = call.output.dtype
    if dtype == "float32":
        return mul_float32, PlainParams(*activation.float32_ends(call))
    if dtype == "int32":
        return mul_int32, PlainParams(*activation.int32_ends(call))
    factor, (low, high) = _factor(call), XNNPACK_FACTORS
    zero_points = zero_point(call, 0), zero_point(call, 1)
    delegated = low <= factor < high and len(shape(call)) <= XNNPACK_RANK
    if call.rounding == "xnnpack" and dtype == "int8" and delegated:
        ends = activation.xnnpack_ends(call)
        made = float_bits(factor), zero_point(call, 2)
        return mul_int8_float, SingleParams(*zero_points, *made, *ends)
    ends = activation.quantized_ends(call)
    multiplier = quantize_multiplier(factor)
    params = RescaledParams(*zero_points, *multiplier, zero_point(call, 2), *ends)
    return (mul_int8_twice if dtype == "int8" else mul_int16_twice), params


def _factor(call: Call) -> float:
    """Return what products are multiplied by.

    Source: Prepare in tensorflow/lite/kernels/mul.cc, which calculates in float32;
    CalculateOpDataMul in mul_common.cc of TFLite Micro, which calculates in double.
    """
    a, b, made = (scale(call, position) for position in range(3))
    return a * b / made if call.rounding == "tflite-micro" else f32(f32(a * b) / made)


def mul_int8_twice(
    params: RescaledParams, a: Array, b: Array, loops: Array
) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: the product rescaled, rounded twice.

    Args:
        params: see there.
        a: int8, flat.
        b: int8, flat.
        loops: int32 [3 * LOOPS], see ``broadcast.loops``.

    Source: MulElementwise in tensorflow/lite/kernels/internal/reference/integer_ops/mul.h.
    """
    import numpy as np

    return _rescaled(params, a, b, loops).astype(np.int8)


def mul_int16_twice(
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
    product = (a - params.a_zero_point) * (b - params.b_zero_point)
    # Sums wrap as int32 does.
    made = rescale_twice(product, params.multiplier, params.shift) + params.zero_point
    wrapped = made.astype(np.int32)
    clamped: Array = np.clip(wrapped, params.lowest, params.highest).ravel()
    return clamped


def mul_int8_float(params: SingleParams, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int8]:
    """Define XNNPACK's int8 kernel: the product by a float32 factor, halves to even.

    Args:
        params: see there.
        a: int8, flat.
        b: int8, flat.
        loops: int32 [3 * LOOPS], see ``broadcast.loops``.

    Source: src/qs8-vmul of XNNPACK.
    """
    import numpy as np

    a, b = spread(a, b, loops)
    product = ((a - params.a_zero_point) * (b - params.b_zero_point)).astype(np.float32)
    scaled = product * np.array(params.factor, np.int32).view(np.float32)
    low, high = params.lowest - params.zero_point, params.highest - params.zero_point
    made = np.rint(np.clip(scaled, np.float32(low), np.float32(high))) + params.zero_point
    rounded: npt.NDArray[np.int8] = made.astype(np.int8).ravel()
    return rounded


def mul_int32(params: PlainParams, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel: a product that wraps.

    Args:
        params: see there.
        a: int32, flat.
        b: int32, flat.
        loops: int32 [3 * LOOPS], see ``broadcast.loops``.
    """
    import numpy as np

    a, b = spread(a, b, loops)
    product = (a * b).astype(np.int32)
    clamped: npt.NDArray[np.int32] = (
        np.clip(product, params.lowest, params.highest).astype(np.int32).ravel()
    )
    return clamped


def mul_float32(params: PlainParams, a: Array, b: Array, loops: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the product, rounded, the same bytes as LiteRT's.

    XNNPACK's are the same but for denormal numbers, for which it has 0.

    Args:
        params: see there.
        a: float32, flat.
        b: float32, flat.
        loops: int32 [3 * LOOPS], see ``broadcast.loops``.
    """
    import numpy as np

    a, b = spread(a, b, loops)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        product = a * b
    return activation.clamped_float32(product, params.lowest, params.highest)
