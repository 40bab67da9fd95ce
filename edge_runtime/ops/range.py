"""RANGE: equally spaced numbers, which the planner knows."""

from __future__ import annotations

import struct
from array import array
from math import ceil, isfinite

from edge_runtime.fixed_point import f32
from edge_runtime.ops.call import Call
from edge_runtime.ops.constraints import describe

CODES = {"float32": "f", "int32": "i", "int64": "q"}
"""Element types -> their codes of module struct."""

MOST = 2**20
"""Most numbers: a tenth of a second, for a file that needs no bytes for them."""


def type_is_supported(call: Call) -> str | None:
    """The type of all tensors is int32, int64 or float32."""
    types = [call.input(position).dtype for position in range(3)]
    same = {*types, call.output.dtype} == {call.output.dtype}
    return None if same and call.output.dtype in CODES else ", ".join([*types, call.output.dtype])


def numbers_are_known(call: Call) -> str | None:
    """Start, limit and step are one constant number each."""
    inputs = [call.input(position) for position in range(3)]
    if all(tensor.data is not None and tensor.elements == 1 for tensor in inputs):
        return None
    return ", ".join(map(describe, inputs))


def step_leads_there(call: Call) -> str | None:
    """Steps lead from the start to the limit, in at most 2**20 of them."""
    start, limit, step = _numbers(call)
    finite = all(map(isfinite, (start, limit, step)))
    if finite and step and (limit >= start) == (step > 0) and _steps(call) <= MOST:
        return None
    return f"{start}, {limit}, {step}"


CONSTRAINTS = (type_is_supported, numbers_are_known, step_leads_there)


def _numbers(call: Call) -> list[float]:
    """Return start, limit and step."""
    code = f"<{CODES[call.output.dtype]}"
    data = (call.input(position).data for position in range(3))
    return [struct.unpack(code, one)[0] for one in data if one is not None]


def _steps(call: Call) -> float:
    """Return how many steps there are, of float32 numbers perhaps not a whole number.

    Source: GetSize in tensorflow/lite/kernels/range.cc, which calculates in the type.
    """
    start, limit, step = _numbers(call)
    if call.output.dtype == "float32":
        return abs(f32(f32(limit - start) / step))
    return -(-abs(limit - start) // abs(step))


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return how many numbers there are."""
    return ((ceil(_steps(call)),),)


def fold(call: Call) -> bytes:
    """Return the output's bytes: float32 numbers are sums of all steps before them."""
    start, _, step = _numbers(call)
    (count,) = call.output.shape
    values = array(CODES[call.output.dtype], [start])
    for _ in range(count - 1):
        values.append(values[-1] + step)
    return values.tobytes()
