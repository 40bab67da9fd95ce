"""RESHAPE: the same elements under another shape."""

from __future__ import annotations

from math import prod

from edge_runtime.ops.call import Call
from edge_runtime.ops.constraints import MOST_NUMBERS, describe, named, same_elements, whole_number


def _target(call: Call) -> tuple[int, ...]:
    """Return the new shape, -1 where it is left to the elements."""
    shape = call.optional(1)
    if shape is not None:
        return whole_number(shape) or ()
    return tuple(call.op.options["new_shape"])


def shape_is_known(call: Call) -> str | None:
    """The new shape is constant, or follows from the input's shape."""
    shape = call.optional(1)
    if shape is None:
        # A product of very many numbers would be slow.
        count = len(call.op.options["new_shape"])
        return None if count <= MOST_NUMBERS else f"one of {count} dimensions"
    if whole_number(shape) is not None:
        return None
    return named(shape)


def elements_fit(call: Call) -> str | None:
    """The new shape has as many elements as the input, and at most one open dimension."""
    target = _target(call)
    fixed, elements = prod(size for size in target if size != -1), call.input(0).elements
    open_count = target.count(-1)
    fits = elements == fixed if not open_count else fixed > 0 and elements % fixed == 0
    if open_count <= 1 and min(target, default=0) >= -1 and fits:
        return None
    return f"{list(target)} for {describe(call.input(0))}"


CONSTRAINTS = (shape_is_known, elements_fit, same_elements)

ALIAS = True
"""The output is the input's bytes."""


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the new shape."""
    target = _target(call)
    fixed = prod(size for size in target if size != -1)
    elements = call.input(0).elements
    return (tuple(elements // fixed if size == -1 else size for size in target),)
