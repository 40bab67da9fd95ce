"""EXPAND_DIMS: the same elements with one more dimension of size 1."""

from __future__ import annotations

from edge_runtime.ops.call import Call
from edge_runtime.ops.constraints import describe, same_elements, whole_number


def axis_is_known(call: Call) -> str | None:
    """The axis is one constant number, from -(rank + 1) to rank."""
    axis = whole_number(call.input(1))
    rank = len(call.input(0).shape)
    if axis is not None and len(axis) == 1 and -rank - 1 <= axis[0] <= rank:
        return None
    return f"{list(axis) if axis else 'computed'} for {describe(call.input(0))}"


CONSTRAINTS = (axis_is_known, same_elements)

ALIAS = True
"""The output is the input's bytes."""


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape with a 1 at the axis."""
    shape = call.input(0).shape
    (axis,) = whole_number(call.input(1)) or ()
    axis %= len(shape) + 1
    return ((*shape[:axis], 1, *shape[axis:]),)
