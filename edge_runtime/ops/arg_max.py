"""ARG_MAX and ARG_MIN: where along an axis the largest or the least number is, the first of equals.

NaN is passed over, but for the first number of a row. LiteRT, XNNPACK and TFLite Micro have the
same answers.
"""

from __future__ import annotations

from math import prod

from edge_runtime.ops.axis import axis_is_known, known_axis
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import size_fits

OUTPUTS = {2: "int32", 4: "int64"}
"""Enum TensorType of the schema -> type of the positions."""

ALL_BITS, SIGN_BIT = -1, -128


def types_are_supported(call: Call) -> str | None:
    """The input is float32, int8, uint8, int32 or bool, the output int32/int64 as stated."""
    source, output = call.input(0).dtype, call.output.dtype
    expected = OUTPUTS.get(call.op.options["output_type"])
    fits = source in ("float32", "int8", "uint8", "int32", "bool") and output == expected
    return None if fits else f"{source} to {output}"


CONSTRAINTS = (types_are_supported, axis_is_known, size_fits)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape without the axis."""
    axis, shape = known_axis(call.input(1), call.input(0)), call.input(0).shape
    return ((*shape[:axis], *shape[axis + 1 :]),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which reads uint8 and bool as int8 and flips bits for the least number.

    Source: ArgMinMax in tensorflow/lite/kernels/internal/reference/arg_min_max.h.
    """
    tensor = call.input(0)
    axis, shape, dtype = known_axis(call.input(1), tensor), tensor.shape, tensor.dtype
    least = call.op.name == "ARG_MIN"
    params = {
        "outer": prod(shape[:axis]),
        "depth": shape[axis],
        "inner": prod(shape[axis + 1 :]),
        "wide": int(call.output.dtype == "int64"),
    }
    if dtype == "float32":
        params["sign"] = -1 if least else 1
    else:
        params["flip"] = (ALL_BITS if least else 0) ^ (SIGN_BIT if dtype == "uint8" else 0)
    kind = "int8" if dtype in ("uint8", "bool") else dtype
    return Kernel(f"arg_max_{kind}", params, (0,), rows="outer" if axis else None)
