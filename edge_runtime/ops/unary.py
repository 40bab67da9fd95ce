"""Exact functions of one number: NEG, SIGN, SQUARE, FLOOR, CEIL, ROUND, LOGICAL_NOT; SIN and COS.

The bytes are those of LiteRT, but for SIN and COS, which are rounded nearly correctly. NEG of int8
and int16 negates the numbers as they are, as LiteRT does, which is right for zero points of 0 and
equal scales. XNNPACK runs no integers of these.
"""

from __future__ import annotations

from edge_runtime.ops.call import Call, Constant, Kernel, int32s
from edge_runtime.ops.constraints import not_both_of, same_shape
from edge_runtime.ops.lookup import tabulate_integers

TYPES = {
    "CEIL": ("float32",),
    "COS": ("float32",),
    "FLOOR": ("float32",),
    "LOGICAL_NOT": ("bool",),
    "NEG": ("float32", "int8", "int16", "int32", "int64"),
    "ROUND": ("float32",),
    "SIGN": ("float32", "int32"),
    "SIN": ("float32",),
    "SQUARE": ("float32",),
}
"""Builtin -> element types."""

TWO_BY_PI = 0xA2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163AB
"""The first 224 bits of 2 / pi behind its point."""


def types_are_supported(call: Call) -> str | None:
    """Both are float32; LOGICAL_NOT bool; NEG also int8, int16, int32, int64; SIGN also int32."""
    return not_both_of(call, *TYPES[call.op.name])


CONSTRAINTS = (types_are_supported,)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel of the function and the element type."""
    dtype, name = call.output.dtype, call.op.name.lower()
    params = {"count": call.output.elements}
    if dtype == "int8":
        return tabulate_integers(call, lambda x: -x if x > -128 else x)
    if name in ("sin", "cos"):
        kernel = f"transcendental_{name}_float32"
        return Kernel(kernel, params, (0,), (_two_by_pi(),), in_place=True)
    return Kernel(f"unary_{name}_{dtype}", params, (0,), in_place=True)


def _two_by_pi() -> Constant:
    """Return 32 zeros and the bits of TWO_BY_PI as int32, the highest first."""
    words = [TWO_BY_PI >> (32 * n) & 0xFFFFFFFF for n in reversed(range(8))]
    return int32s([word - 2**32 * (word >> 31) for word in words])
