"""SOFTMAX: ``exp(beta * x) / sum(exp(beta * x))`` over the last dimension.

Whose bytes integers give:

- 8-bit input: "litert" and "tflite-micro" calculate in fixed point, exp from a table. Rows whose
  exponentials add up to 512 times the largest or more, where LiteRT stops the process for int8
  outputs, give the least number there. "xnnpack": XNNPACK has no such kernel, and LiteRT by default
  runs a table of float32 (on x86; its 64-bit Arm builds have another); for uint8 that is not
  reproduced, and gives the bytes of "litert".
- int16 input: tables that are interpolated, calculated in double for "litert" and "xnnpack", and in
  float32 for "tflite-micro", as TFLite Micro does.
"""

from __future__ import annotations

import struct

from edge_runtime.fixed_point import (
    f32,
    float_bits,
    quantize_multiplier,
)
from edge_runtime.ops import rows, softmax_tables
from edge_runtime.ops.call import Call, Constant, Kernel, int32s
from edge_runtime.ops.constraints import (
    affine,
    not_affine,
    per_tensor,
    same_shape,
    size_fits,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

OUTPUTS = {
    ("int8", "int8"): (2.0**-8, -128),
    ("int8", "int16"): (2.0**-16, -32768),
    ("uint8", "uint8"): (2.0**-8, 0),
    ("uint8", "int16"): (2.0**-16, -32768),
    ("int16", "int16"): (2.0**-15, 0),
}
"""Element types of input and output -> the output's scale and zero point."""

MAX_DEPTH = {"int8": 4096, "uint8": 4096, "int16": 65536}
"""Input type -> most elements of a row, so that the sum of their exponentials fits 32 bits."""


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8, uint8, int16 or float32, or of 8 bits and int16."""
    types = (call.input(0).dtype, call.output.dtype)
    return None if types in OUTPUTS or types == ("float32", "float32") else ", ".join(types)


def depth_fits(call: Call) -> str | None:
    """Rows have 1 to 4,096 elements of 8 bits, to 65,536 of int16."""
    return rows.misfit(call.input(0), MAX_DEPTH)


def input_quantization_fits(call: Call) -> str | None:
    """Integer inputs have one scale and zero point, int16 the zero point 0."""
    return not_affine(call.input(0))


def output_quantization_fits(call: Call) -> str | None:
    """Outputs have 1/256, -128 (uint8: 0); int16 1/65536, -32768, and from int16 1/32768, 0."""
    expected = OUTPUTS.get((call.input(0).dtype, call.output.dtype))
    if expected is None:
        return None
    if not per_tensor(call.output):
        return str(call.output.quantization)
    scale, zero_point = affine(call.output)
    fits = abs(scale - expected[0]) <= expected[0] / 1000 and zero_point == expected[1]
    return None if fits else f"({scale}, {zero_point})"


def beta_fits(call: Call) -> str | None:
    """Beta is positive; times the scale of integers it is below 2**17, of 8 bits over 2**-26."""
    beta: float = call.op.options["beta"]
    if not 0 < beta < float("inf"):
        return str(beta)
    dtype = call.input(0).dtype
    least = 2.0**-26 if dtype in ("int8", "uint8") else 0.0
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


shapes = same_shape


def lower(call: Call) -> Kernel:
    """Return the kernel of the element types and rounding."""
    tensor, output, beta = call.input(0), call.output, call.op.options["beta"]
    size = rows.rows(tensor)
    if tensor.dtype == "float32":
        params = {**size, "beta": float_bits(beta)}
        return Kernel("softmax_float32", params, (0,), in_place=True, rows="rows")
    if tensor.dtype == "int16":
        return _interpolated(call, size)
    same = tensor.dtype == output.dtype
    kernel = f"softmax_{tensor.dtype}" if same else f"softmax_{tensor.dtype}_int16"
    if call.rounding == "xnnpack" and tensor.dtype == "int8":
        floats = softmax_tables.float_exponentials(_scale(call), beta)
        table = Constant("float32", struct.pack("<256f", *floats), table=True)
        params = {**size, "scale": float_bits(affine(output)[0])}
        return Kernel(f"{kernel}_float", params, (0,), (table,), in_place=same, rows="rows")
    table = int32s(softmax_tables.fixed_point_exponentials(_scale(call), beta), table=True)
    hints = softmax_tables.fixed_point_scale(_scale(call), beta)
    return Kernel(f"{kernel}_twice", size, (0,), (table,), in_place=same, rows="rows", hints=hints)


def _interpolated(call: Call, size: dict[str, int]) -> Kernel:
    """Return the int16 kernel, which rescales differences to steps of 10 / 65535."""
    beta: float = call.op.options["beta"]
    product = _scale(call) * beta
    # What LiteRT calculates in double, TFLite Micro does in float32, and the other way round.
    factor = product if call.rounding == "tflite-micro" else f32(product)
    rounded: Callable[[float], float] = f32 if call.rounding == "tflite-micro" else float
    multiplier, shift = quantize_multiplier(factor / (10 / 65535))
    params = {**size, "multiplier": multiplier, "shift": shift}
    tables = _tables(rounded)
    return Kernel("softmax_int16_twice", params, (0,), tables, in_place=True, rows="rows")


_INT16_TABLES: dict[object, tuple[Constant, ...]] = {}


def _tables(rounded: Callable[[float], float]) -> tuple[Constant, ...]:
    """Return the tables of the int16 kernel, the same for all models."""
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
    return affine(call.input(0))[0]
