"""TOPK_V2: the greatest numbers of each row, the greatest first, and where they are."""

from __future__ import annotations

from math import prod

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, named, whole_number

TYPES = ("float32", "int8", "uint8", "int16", "int32", "int64")


def types_are_supported(call: Call) -> str | None:
    """Input and values are both float32, int8, uint8, int16, int32 or int64; positions int32."""
    types = [call.input(0).dtype, *(output.dtype for output in call.outputs)]
    fits = types[0] in TYPES and types == [types[0], types[0], "int32"][: len(types)]
    return None if fits else ", ".join(types)


def count_is_known(call: Call) -> str | None:
    """How many numbers are wanted is one constant int32 number, from 1 to the length of a row."""
    tensor, count = call.input(0), call.input(1)
    number = whole_number(count)
    if count.dtype == "int32" and number is not None and len(number) == 1:
        return None if 1 <= number[0] <= _length(call) else f"{number[0]} of {describe(tensor)}"
    return named(count)


CONSTRAINTS = (types_are_supported, count_is_known)


def _length(call: Call) -> int:
    """Return the length of a row; 0 of a tensor without dimensions."""
    return (call.input(0).shape or (0,))[-1]


def shapes(call: Call) -> tuple[tuple[int, ...], ...]:
    """Return the input's shape with fewer numbers in a row, twice."""
    shape = (*call.input(0).shape[:-1], *(whole_number(call.input(1)) or ()))
    return shape, shape


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type."""
    params = {
        "rows": prod(call.input(0).shape[:-1]),
        "length": _length(call),
        "count": (whole_number(call.input(1)) or (0,))[0],
    }
    return Kernel(f"topk_{call.input(0).dtype}", params, (0,), rows="rows")
