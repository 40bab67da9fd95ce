"""TANH."""

from __future__ import annotations

from math import tanh

from edge_runtime.fixed_point import power_of_two
from edge_runtime.ops import Call, Kernel, exponential, gemmlowp, sigmoid_table
from edge_runtime.ops.constraints import quantized_per_tensor
from edge_runtime.ops.lookup import tabulate, tabulate_integers
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

SMALL = 2.0**-12
"""Below this, ``x - x**3 / 3`` is exact to 2**-50, and the quotient loses digits."""


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8, both int16 or both float32."""
    given, made = call.input(0).dtype, call.output.dtype
    return None if given == made and made in ("float32", "int8", "int16") else f"{given}, {made}"


def output_fits(call: Call) -> str | None:
    """An int16 output has the scale 1/32768, TFLite Micro's int8 1/128; the zero point is 0."""
    made = call.output.quantization
    if made is None or (call.output.dtype == "int8" and call.rounding != "tflite-micro"):
        return None
    scale, zero_point = made.scales[0], made.zero_points[0]
    if call.output.dtype == "int8":
        fits = scale == 1 / 128 and zero_point == 0
    else:
        fits = power_of_two(scale) == -15 and zero_point == 0
    return None if fits else f"{scale} and {zero_point}"


CONSTRAINTS = (types_are_supported, quantized_per_tensor, output_fits, sigmoid_table.scale_fits)


@record
class Params:
    """Parameters of ``tanh_float32``."""

    count: int


@record
class FixedParams:
    """Parameters of ``tanh_fixed_int16``.

    Attributes:
        shift: of the input to the left, 0 or 1, to be in steps of 2**-12.
    """

    count: int
    shift: int


def shape(call: Call) -> tuple[int, ...]:
    """Return the input's shape."""
    return call.input(0).shape


def lower(call: Call) -> Kernel:
    """Return a table for int8, fixed-point arithmetic for int16, the function for float32.

    int8: LiteRT and XNNPACK calculate their tables in float32, TFLite Micro in fixed-point
    arithmetic of 32 bits. int16: a table of 256 points is interpolated, except that LiteRT's
    optimised kernels (``rounding="xnnpack"``; XNNPACK has none) leave scales of 2**-12 and 2**-11
    to fixed-point arithmetic of 16 bits.
    """
    count = call.output.elements
    if call.output.dtype == "float32":
        return Kernel(tanh_float32, Params(count), (0,), in_place=True)
    given = call.input(0).quantization
    assert given is not None
    scale, zero_point = given.scales[0], given.zero_points[0]
    if call.output.dtype == "int8":
        if call.rounding != "tflite-micro":
            return tabulate(call, tanh)
        micro = gemmlowp.of_int8(gemmlowp.tanh, scale, 7)
        return tabulate_integers(call, lambda x: micro(x - zero_point))
    exponent = power_of_two(scale)
    if call.rounding == "xnnpack" and exponent in (-12, -11):
        return Kernel(tanh_fixed_int16, FixedParams(count, exponent + 12), (0,), in_place=True)
    made = sigmoid_table.params(call, 1)
    return Kernel(tanh_int16, made, (0,), (sigmoid_table.table(),), in_place=True)


def tanh_float32(_: Params, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: calculated in double, rounded once.

    The error is below 0.501 ulp. NaN gives -1.

    Args:
        tensor: float32 [count].
    """
    import numpy as np

    x = tensor.astype(np.float64)
    e = exponential.exp(2 * x)
    with np.errstate(invalid="ignore"):
        small = x - x * x * x / 3
    result = np.where((x > -SMALL) & (x < SMALL), small, (e - 1) / (e + 1))
    return result.astype(np.float32)


def tanh_int16(params: sigmoid_table.Params, tensor: Array, table: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: the table interpolated, halves up.

    Source: reference_integer_ops::Tanh.

    Args:
        params: see there.
        tensor: int16 [count].
        table: uint16 [256].
    """
    import numpy as np

    x = sigmoid_table.moved(params, tensor)
    above = sigmoid_table.interpolated(np.abs(x), table, 8, 65535 << 8) - (1 << 23)
    value = np.where(x < 0, -above - 1, above)
    result: npt.NDArray[np.int16] = ((value + (1 << 7)) >> 8).astype(np.int16)
    return result


def tanh_fixed_int16(params: FixedParams, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel of LiteRT's optimised Tanh: gemmlowp's, with 3 integer bits.

    Args:
        params: see there.
        tensor: int16 [count].
    """
    import numpy as np

    raw = np.clip(tensor.astype(np.int64) << params.shift, -(2**15), 2**15 - 1)
    result: npt.NDArray[np.int16] = gemmlowp.tanh(raw, 3, 16)
    return result.astype(np.int16)
