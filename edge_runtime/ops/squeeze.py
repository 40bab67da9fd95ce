"""SQUEEZE: the same elements without dimensions of size 1."""

from __future__ import annotations

from edge_runtime.ops.call import Call
from edge_runtime.ops.constraints import same_elements, told


def dimensions_are_1(call: Call) -> str | None:
    """The dimensions that are taken out are of size 1."""
    given, wanted = call.input(0).shape, call.op.options["squeeze_dims"]
    if all(-len(given) <= axis < len(given) and given[axis] == 1 for axis in wanted):
        return None
    return f"{list(wanted[:8])} of {told(call.input(0))}"


CONSTRAINTS = (dimensions_are_1, same_elements)

ALIAS = True
"""The output is the input's bytes."""


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape without them; without all of size 1 when none is named."""
    given = call.input(0).shape
    named = {axis % len(given) for axis in call.op.options["squeeze_dims"]}
    left = (size for axis, size in enumerate(given) if not (axis in named if named else size == 1))
    return (tuple(left),)
