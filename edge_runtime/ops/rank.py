"""RANK: the number of a tensor's dimensions, which the planner knows."""

from __future__ import annotations

from edge_runtime.ops.call import Call


def type_is_int32(call: Call) -> str | None:
    """The type of the output is int32."""
    return None if call.output.dtype == "int32" else call.output.dtype


CONSTRAINTS = (type_is_int32,)


def shapes(call: Call) -> tuple[tuple[int, ...]]:  # noqa: ARG001 - a single number
    """Return that it is a single number."""
    return ((),)


def fold(call: Call) -> bytes:
    """Return the output's bytes."""
    return len(call.input(0).shape).to_bytes(4, "little")
