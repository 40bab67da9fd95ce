"""L2_NORMALIZATION: a row of the last dimension divided by the root of the sum of its squares.

LiteRT's reference kernels and TFLite Micro have the same bytes, which all roundings give; XNNPACK
has no such kernel.
"""

from __future__ import annotations

from edge_runtime.fixed_point import float_bits
from edge_runtime.ops import rows
from edge_runtime.ops.activation import activation_is_none
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import (
    affine,
    not_both_of,
    quantized_per_tensor,
    same_shape,
    size_fits,
)

ZERO_POINTS = {"int8": 0, "uint8": 128}
"""Element type -> zero point of the output."""

MOST_DEPTH = {"int8": 2**15, "uint8": 2**15}
"""Input type -> most numbers of a row, so that the sum of their squares fits int32."""

EPSILON = 1e-6
"""What a float32 row is divided by at least."""


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8, uint8 or float32."""
    return not_both_of(call, "int8", "uint8", "float32")


def depth_fits(call: Call) -> str | None:
    """Rows have 1 number or more, at most 32,768 of 8 bits; there are 1 to 2**31 - 1 in all."""
    return rows.misfit(call.input(0), MOST_DEPTH) or size_fits(call)


def output_quantization_fits(call: Call) -> str | None:
    """Integer outputs have the scale 1/128, and the zero point 0, in uint8 128."""
    if call.output.dtype == "float32":
        return None
    pair = affine(call.output)
    return None if pair == (1 / 128, ZERO_POINTS[call.output.dtype]) else str(pair)


CONSTRAINTS = (
    types_are_supported,
    depth_fits,
    quantized_per_tensor,
    output_quantization_fits,
    activation_is_none,
)

shapes = same_shape


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type.

    Source: reference/l2normalization.h and reference/integer_ops/l2normalization.h in
    tensorflow/lite/kernels/internal.
    """
    tensor = call.input(0)
    size = rows.rows(tensor)
    if tensor.dtype == "float32":
        name, params = "float32", {**size, "epsilon": float_bits(EPSILON)}
    else:
        name, params = f"{tensor.dtype}_twice", {**size, "zero_point": affine(tensor)[1]}
    return Kernel(f"l2_normalization_{name}", params, (0,), in_place=True, rows="rows")
