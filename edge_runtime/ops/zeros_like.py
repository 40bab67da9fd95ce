"""ZEROS_LIKE: zeros of the shape of a tensor, which the planner knows."""

from __future__ import annotations

from edge_runtime.ops.call import Call
from edge_runtime.ops.constraints import same_shape, same_type

CONSTRAINTS = (same_type,)

shapes = same_shape


def fold(call: Call) -> bytes:
    """Return the output's bytes, of quantised tensors too 0."""
    return bytes(call.output.size)
