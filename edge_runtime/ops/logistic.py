"""LOGISTIC: ``1 / (1 + exp(-x))``."""

from __future__ import annotations

from math import exp

from edge_runtime.fixed_point import f32, power_of_two
from edge_runtime.ops import Call, Kernel, exponential, gemmlowp, sigmoid_table
from edge_runtime.ops.constraints import per_tensor, told
from edge_runtime.ops.lookup import tabulate, tabulate_integers
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

OUTPUTS = {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)}
"""The output's scale and zero point, which the kernels take for granted."""


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8, both int16 or both float32."""
    given, made = call.input(0).dtype, call.output.dtype
    return None if given == made and made in ("float32", *OUTPUTS) else f"{given}, {made}"


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale and zero point, the output 1/256 and -128, int16 1/32768 and 0."""
    if call.output.dtype == "float32":
        return None
    made = call.output.quantization
    if not per_tensor(call.input(0)) or made is None:
        return told(call.input(0))
    fits = (made.scales, made.zero_points) == tuple((n,) for n in OUTPUTS[call.output.dtype])
    return None if fits else f"{made.scales[:4]} and {made.zero_points[:4]}"


CONSTRAINTS = (types_are_supported, quantization_fits, sigmoid_table.scale_fits)


@record
class Params:
    """Parameters of ``logistic_float32`` and ``logistic_fixed_int16``."""

    count: int


def shape(call: Call) -> tuple[int, ...]:
    """Return the input's shape."""
    return call.input(0).shape


def lower(call: Call) -> Kernel:
    """Return a table for int8, fixed-point arithmetic for int16, the function for float32.

    int8: LiteRT calculates its table in float32, XNNPACK in double, TFLite Micro in fixed-point
    arithmetic of 32 bits. int16: a table of 256 points is interpolated, except that LiteRT's
    optimised kernels (``rounding="xnnpack"``; XNNPACK has none) leave a scale of 2**-12 to
    fixed-point arithmetic of 16 bits.
    """
    count = call.output.elements
    if call.output.dtype == "float32":
        return Kernel(logistic_float32, Params(count), (0,), in_place=True)
    given = call.input(0).quantization
    assert given is not None
    scale, zero_point = given.scales[0], given.zero_points[0]
    if call.output.dtype == "int8":
        if call.rounding != "tflite-micro":
            return tabulate(call, _precise if call.rounding == "xnnpack" else _sigmoid)
        micro = gemmlowp.of_int8(gemmlowp.logistic, scale, 8)
        return tabulate_integers(call, lambda x: micro(x - zero_point) - 128)
    if call.rounding == "xnnpack" and power_of_two(scale) == -12:
        return Kernel(logistic_fixed_int16, Params(count), (0,), in_place=True)
    made = sigmoid_table.params(call, 0)
    return Kernel(logistic_int16, made, (0,), (sigmoid_table.table(),), in_place=True)


def _sigmoid(x: float) -> float:
    """Return the float32 value, each step rounded."""
    return f32(1 / f32(1 + (f32(exp(-x)) if x > -88 else float("inf"))))


def _precise(x: float) -> float:
    """Return the value, calculated in double."""
    return 1 / (1 + exp(-x)) if abs(x) < 100 else float(x > 0)


def logistic_float32(_: Params, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: calculated in double, rounded once.

    The error is below 0.501 ulp where the value is at least 1e-37, and below that less than an
    ulp of 1e-37. NaN gives 1.

    Args:
        tensor: float32 [count].
    """
    import numpy as np

    return (1 / (1 + exponential.exp(-tensor.astype(np.float64)))).astype(np.float32)


def logistic_int16(
    params: sigmoid_table.Params, tensor: Array, table: Array
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: the table interpolated, halves up.

    Source: reference_integer_ops::Logistic.

    Args:
        params: see there.
        tensor: int16 [count].
        table: uint16 [256].
    """
    import numpy as np

    x = sigmoid_table.moved(params, tensor)
    above = sigmoid_table.interpolated(np.abs(x), table, 9, 32767 << 10)
    value = np.where(x < 0, (1 << 25) - 1 - above, above)
    result: npt.NDArray[np.int16] = ((value + (1 << 9)) >> 10).astype(np.int16)
    return result


def logistic_fixed_int16(_: Params, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel of LiteRT's optimised Logistic: gemmlowp's, with 3 integer bits.

    Args:
        tensor: int16 [count].
    """
    import numpy as np

    result: npt.NDArray[np.int16] = gemmlowp.logistic(tensor.astype(np.int64), 3, 16)
    return result.astype(np.int16)
