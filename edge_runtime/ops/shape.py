"""SHAPE: the shape of a tensor as a tensor, which the planner knows."""

from __future__ import annotations

from edge_runtime.ops.call import Call


def type_is_whole(call: Call) -> str | None:
    """The output is int32 or int64."""
    return None if call.output.dtype in ("int32", "int64") else call.output.dtype


CONSTRAINTS = (type_is_whole,)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return (rank of the input,)."""
    return ((len(call.input(0).shape),),)


def fold(call: Call) -> bytes:
    """Return the output's bytes."""
    size = 4 if call.output.dtype == "int32" else 8
    return b"".join(length.to_bytes(size, "little") for length in call.input(0).shape)
