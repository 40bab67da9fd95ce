"""TILE: a tensor repeated along each dimension."""

from __future__ import annotations

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, named, same_type, whole_number
from edge_runtime.ops.strides import Loop, strided_copy, strides


def multiples_are_known(call: Call) -> str | None:
    """The multiples are constant, one from 1 on for each dimension."""
    multiples = whole_number(call.input(1))
    if multiples is None:
        return named(call.input(1))
    if len(multiples) == len(call.input(0).shape) and min(multiples, default=1) > 0:
        return None
    return f"{list(multiples)} of {describe(call.input(0))}"


CONSTRAINTS = (same_type, multiples_are_known)


def _multiples(call: Call) -> tuple[int, ...]:
    return whole_number(call.input(1)) or ()


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape, each size times its multiple."""
    sizes = zip(call.input(0).shape, _multiples(call), strict=True)
    return (tuple(size * multiple for size, multiple in sizes),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    shape = call.input(0).shape
    loops: list[Loop] = []
    for multiple, size, step in zip(_multiples(call), shape, strides(shape), strict=True):
        loops += [(multiple, 0), (size, step)]
    return strided_copy(call, loops)
