"""SOFTMAX: ``exp(beta * x) / sum(exp(beta * x))`` over the last dimension.

Whose bytes integers give:

- int8 input: "litert" and "tflite-micro" calculate in fixed point, exp from a table. Rows whose
  exponentials add up to 512 times the largest or more, where LiteRT stops the process for int8
  outputs, give the least number there. "xnnpack": XNNPACK has no such kernel, and LiteRT by default
  runs a table of float32 (on x86; its 64-bit Arm builds take another).
- int16 input: tables that are interpolated, calculated in double for "litert" and "xnnpack", and in
  float32 for "tflite-micro", as TFLite Micro does.
"""

from __future__ import annotations

import struct

from edge_runtime.fixed_point import (
    f32,
    float_bits,
    quantize_multiplier,
    rescale_twice,
    rounding_shift,
)
from edge_runtime.ops import Call, Constant, Kernel, exponential, int32s, softmax_tables
from edge_runtime.ops.constraints import per_tensor, told
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

OUTPUTS = {
    ("int8", "int8"): (2.0**-8, -128),
    ("int8", "int16"): (2.0**-16, -32768),
    ("int16", "int16"): (2.0**-15, 0),
}
"""Element types of input and output -> scale and zero point that the output has."""

MAX_DEPTH = {"int8": 4096, "int16": 65536}
"""Elements of a row whose exponentials cannot leave 32 bits when they are added."""


def types_are_supported(call: Call) -> str | None:
    """Input and output are int8 and int8, int8 and int16, int16 and int16, or float32."""
    given = (call.input(0).dtype, call.output.dtype)
    return None if given in OUTPUTS or given == ("float32", "float32") else ", ".join(given)


def depth_fits(call: Call) -> str | None:
    """Rows have 1 to 4,096 elements in int8, to 65,536 in int16."""
    tensor = call.input(0)
    depth = tensor.shape[-1] if tensor.shape else 0
    limit = MAX_DEPTH.get(tensor.dtype, depth)
    return None if 0 < depth <= limit else told(tensor)


def size_fits(call: Call) -> str | None:
    """The input has 1 to 2**31 - 1 elements."""
    return None if 0 < call.input(0).elements < 2**31 else told(call.input(0))


def input_quantization_fits(call: Call) -> str | None:
    """Integer inputs have one scale and zero point, int16 the zero point 0."""
    given = call.input(0)
    if given.dtype == "float32":
        return None
    if given.quantization is None or not per_tensor(given):
        return str(given.quantization)
    zero_point = given.quantization.zero_points[0]
    return f"zero point {zero_point}" if given.dtype == "int16" and zero_point else None


def output_quantization_fits(call: Call) -> str | None:
    """Outputs have the scale and zero point 1/256, -128; 1/65536, -32768; from int16 1/32768, 0."""
    wanted = OUTPUTS.get((call.input(0).dtype, call.output.dtype))
    quantization = call.output.quantization
    if wanted is None:
        return None
    if quantization is None or not per_tensor(call.output):
        return str(quantization)
    near = abs(quantization.scales[0] - wanted[0]) <= wanted[0] / 1000
    fits = near and quantization.zero_points[0] == wanted[1]
    return None if fits else f"({quantization.scales[0]}, {quantization.zero_points[0]})"


def beta_fits(call: Call) -> str | None:
    """Beta is positive; times the scale of integers it is below 2**17, and over 2**-26 in int8."""
    beta: float = call.op.options["beta"]
    if not 0 < beta < float("inf"):
        return str(beta)
    dtype = call.input(0).dtype
    least = 2.0**-26 if dtype == "int8" else 0.0
    fits = dtype == "float32" or least < beta * _scale(call) < 2**17
    return None if fits else f"{beta} * {_scale(call)}"


CONSTRAINTS = (
    types_are_supported,
    depth_fits,
    size_fits,
    input_quantization_fits,
    output_quantization_fits,
    beta_fits,
)


def shape(call: Call) -> tuple[int, ...]:
    """Return the input's shape."""
    return call.input(0).shape


@record
class TableParams:
    """Parameters of ``softmax_int8_twice`` and ``softmax_int8_int16_twice``."""

    rows: int
    depth: int


@record
class RealParams:
    """Parameters of the others with float32 tables or numbers.

    ``factor`` has the bits of the output's scale, or of beta.
    """

    rows: int
    depth: int
    factor: int


@record
class RescaledParams:
    """Parameters of ``softmax_int16_twice``."""

    rows: int
    depth: int
    multiplier: int
    shift: int


def lower(call: Call) -> Kernel:
    """Return the kernel of the element types and rounding."""
    given, made, beta = call.input(0), call.output, call.op.options["beta"]
    depth = given.shape[-1]
    size = given.elements // depth, depth
    if given.dtype == "float32":
        params = RealParams(*size, float_bits(beta))
        return Kernel(softmax_float32, params, (0,), in_place=True, rows="rows")
    if given.dtype == "int16":
        return _interpolated(call, size)
    same = given.dtype == made.dtype
    if call.rounding == "xnnpack":
        assert made.quantization is not None
        single = softmax_int8_float if same else softmax_int8_int16_float
        floats = softmax_tables.float_exponentials(_scale(call), beta)
        table = Constant("float32", struct.pack("<256f", *floats), table=True)
        params = RealParams(*size, float_bits(made.quantization.scales[0]))
        return Kernel(single, params, (0,), (table,), in_place=same, rows="rows")
    reference = softmax_int8_twice if same else softmax_int8_int16_twice
    table = int32s(softmax_tables.fixed_point_exponentials(_scale(call), beta), table=True)
    return Kernel(reference, TableParams(*size), (0,), (table,), in_place=same, rows="rows")


def _interpolated(call: Call, size: tuple[int, int]) -> Kernel:
    """Return the int16 kernel, which has differences on a scale of 10 / 65535."""
    beta: float = call.op.options["beta"]
    product = _scale(call) * beta
    # What LiteRT calculates in double, TFLite Micro does in float32, and the other way round.
    factor = product if call.rounding == "tflite-micro" else f32(product)
    rounded: Callable[[float], float] = f32 if call.rounding == "tflite-micro" else float
    params = RescaledParams(*size, *quantize_multiplier(factor / (10 / 65535)))
    return Kernel(softmax_int16_twice, params, (0,), _tables(rounded), in_place=True, rows="rows")


_INT16_TABLES: dict[object, tuple[Constant, ...]] = {}


def _tables(rounded: Callable[[float], float]) -> tuple[Constant, ...]:
    """Return the tables of the int16 kernel, which are those of all models."""
    if rounded not in _INT16_TABLES:
        tables = (
            softmax_tables.interpolated_exponentials(rounded),
            softmax_tables.interpolated_reciprocals(rounded),
        )
        constants = (Constant("int16", struct.pack("<513h", *table)) for table in tables)
        _INT16_TABLES[rounded] = tuple(constants)
    return _INT16_TABLES[rounded]


def _scale(call: Call) -> float:
    """Return the input's scale."""
    quantization = call.input(0).quantization
    assert quantization is not None
    return quantization.scales[0]


def softmax_int8_twice(params: TableParams, tensor: Array, table: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: exp from a table, one reciprocal a row, in fixed point.

    Args:
        params: see there.
        tensor: int8 [rows * depth].
        table: int32 [256], exp of how far a number is below the largest, 31 fractional bits.

    Source: Softmax in tensorflow/lite/kernels/internal/reference/softmax.h.
    """
    import numpy as np

    return (_fixed_point(params, tensor, table, 8) - 128).astype(np.int8)


def softmax_int8_int16_twice(
    params: TableParams, tensor: Array, table: Array
) -> npt.NDArray[np.int16]:
    """Define the kernel for an int16 output: the same with 8 bits more.

    Args:
        params: see there.
        tensor: int8 [rows * depth].
        table: int32 [256], see ``softmax_int8_twice``.
    """
    import numpy as np

    return (_fixed_point(params, tensor, table, 16) - 32768).astype(np.int16)


def _fixed_point(params: TableParams, tensor: Array, table: Array, bits: int) -> Array:
    """Return the shares with ``bits`` fractional bits, at most 1 - 2**-bits."""
    import numpy as np

    powers = table[_below(params, tensor)].astype(np.int64)
    # 19 fractional bits; at least one of them is 1, so that the sum has 20 bits or more.
    total = rounding_shift(powers, 12).sum(axis=1, keepdims=True)
    zeros = 32 - np.frexp(total)[1].astype(np.int64)
    share = _product(_reciprocal((total << zeros) - 2**31), powers)
    right = 12 - zeros + 31 - bits
    made = np.where(right > 31, 0, rounding_shift(share, np.minimum(right, 31)))
    clamped: Array = np.minimum(made, 2**bits - 1).ravel()
    return clamped


def _reciprocal(x: Array) -> Array:
    """Return 1 / (1 + x) with 31 fractional bits, for x from 0 to 1.

    Source: one_over_one_plus_x_for_x_in_0_1 in gemmlowp's fixedpoint.h: Newton's method in 29
    fractional bits, from 48/17 - 32/17 * d on.
    """
    half = (x + 2**31) >> 1
    guess = 1515870810 + _product(half, -1010580540)
    for _ in range(3):
        rest = 2**29 - _product(half, guess)
        guess = guess + _saturated(_product(guess, rest) * 4)
    return _saturated(guess * 2)


def _product(a: Any, b: Any) -> Any:
    """Return the product of numbers with 31 fractional bits."""
    return rescale_twice(a, b, 0)


def _saturated(values: Array) -> Array:
    import numpy as np

    clamped: Array = np.clip(values, -(2**31), 2**31 - 1)
    return clamped


def _below(params: Any, tensor: Array) -> Array:
    """Return [rows, depth] how far numbers are below the largest of their row."""
    import numpy as np

    x = tensor.reshape(params.rows, params.depth).astype(np.int64)
    below: Array = x.max(axis=1, keepdims=True) - x
    return below


def softmax_int8_float(params: RealParams, tensor: Array, table: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel that LiteRT runs by default: float32, sums from left to right.

    Args:
        params: see there.
        tensor: int8 [rows * depth].
        table: float32 [256], exp of how far a number is below the largest.

    Source: Softmax in tensorflow/lite/kernels/internal/optimized/optimized_ops.h.
    """
    import numpy as np

    return (_real(params, tensor, table, 255) - 128).astype(np.int8)


def softmax_int8_int16_float(
    params: RealParams, tensor: Array, table: Array
) -> npt.NDArray[np.int16]:
    """Define the same for an int16 output.

    Args:
        params: see there.
        tensor: int8 [rows * depth].
        table: float32 [256], see ``softmax_int8_float``.
    """
    import numpy as np

    return (_real(params, tensor, table, 65535) - 32768).astype(np.int16)


def _real(params: RealParams, tensor: Array, table: Array, highest: int) -> Array:
    """Return the shares in units of the output's scale, rounded, halves up."""
    import numpy as np

    powers = table[_below(params, tensor)]
    # A running sum adds in order; sum() does not.
    total = np.cumsum(powers, axis=1, dtype=np.float32)[:, -1:]
    scale = np.array(params.factor, np.int32).view(np.float32)
    share = powers * (np.float32(1) / (total * scale))
    made = np.trunc(share) + (share - np.trunc(share) >= np.float32(0.5))
    clamped: Array = np.minimum(made.astype(np.int64), highest).ravel()
    return clamped


def softmax_int16_twice(
    params: RescaledParams, tensor: Array, exponentials: Array, reciprocals: Array
) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: exp and 1 / (1 + x) from tables that are interpolated.

    Args:
        params: see there.
        tensor: int16 [rows * depth].
        exponentials: int16 [513], from -10 to 0.
        reciprocals: int16 [513], from 0 to 1.

    Source: SoftmaxInt16 in tensorflow/lite/kernels/internal/reference/softmax.h.
    """
    import numpy as np

    moved = rescale_twice(-_below(params, tensor), params.multiplier, params.shift) + 32767
    # Sums wrap as int32 does.
    powers = _looked_up(moved.astype(np.int32).astype(np.int64), exponentials)
    total = powers.sum(axis=1, keepdims=True)
    zeros = 32 - np.frexp(total)[1].astype(np.int64)
    # From 1 to 2 with 16 fractional bits, less 1, less half the table.
    above = (((total << (zeros - 1)) + 2**13) >> 14) - 2**16 - 2**15
    right = 31 - zeros
    made = (powers * _looked_up(above, reciprocals) + (1 << (right - 1))) >> right
    clamped: npt.NDArray[np.int16] = np.clip(made, 0, 32767).astype(np.int16).ravel()
    return clamped


def _looked_up(values: Array, table: Array) -> Array:
    """Return what the table has for the values, cut to int16, interpolated between its entries.

    Source: LUTLookup in tensorflow/lite/kernels/internal/common.h.
    """
    import numpy as np

    clamped = np.clip(values, -32768, 32767)
    index = 256 + (clamped >> 7)
    base = table[index].astype(np.int64)
    slope = table[index + 1] - base
    found: Array = base + ((slope * (clamped & 127) + 64) >> 7)
    return found


def softmax_float32(params: RealParams, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: exp and sums, from left to right, in double.

    The error is below 2**-23 of a result, and 2**-149 where it is denormal.

    Args:
        params: see there.
        tensor: float32 [rows * depth].
    """
    import numpy as np

    x = tensor.reshape(params.rows, params.depth)
    least = np.finfo(np.float32).min
    largest = np.fmax.reduce(x, axis=1, keepdims=True, initial=least).astype(np.float64)
    beta = np.array(params.factor, np.int32).view(np.float32).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        powers = exponential.exp((x.astype(np.float64) - largest) * beta)
        total = np.cumsum(powers, axis=1)[:, -1:]
        return (powers.astype(np.float32) / total).astype(np.float32).ravel()
