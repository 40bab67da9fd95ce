"""SQUEEZE: the same elements without dimensions of size 1."""

from __future__ import annotations

from edge_runtime.ops.call import Call
from edge_runtime.ops.constraints import describe, same_elements


def dimensions_are_1(call: Call) -> str | None:
    """The dimensions that are removed are of size 1."""
    shape, axes = call.input(0).shape, call.op.options["squeeze_dims"]
    if all(-len(shape) <= axis < len(shape) and shape[axis] == 1 for axis in axes):
        return None
    return f"{list(axes[:8])} of {describe(call.input(0))}"


CONSTRAINTS = (dimensions_are_1, same_elements)

ALIAS = True
"""The output is the input's bytes."""


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape without these dimensions, or, if none is named, all of size 1."""
    shape = call.input(0).shape
    named = {axis % len(shape) for axis in call.op.options["squeeze_dims"]}
    kept = (size for axis, size in enumerate(shape) if not (axis in named if named else size == 1))
    return (tuple(kept),)
