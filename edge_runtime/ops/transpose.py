"""TRANSPOSE: the dimensions of a tensor in another order."""

from __future__ import annotations

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, named, same_type, whole_number
from edge_runtime.ops.strides import strided_copy, strides


def permutation_is_known(call: Call) -> str | None:
    """The permutation is constant and names each dimension once."""
    axes, rank = whole_number(call.input(1)), len(call.input(0).shape)
    if axes is None:
        return named(call.input(1))
    if all(-rank <= axis < rank for axis in axes) and len({*_axes(call)}) == rank == len(axes):
        return None
    return f"{list(axes)} of {describe(call.input(0))}"


CONSTRAINTS = (same_type, permutation_is_known)


def _axes(call: Call) -> list[int]:
    """Return the input's dimensions in the order of the output's."""
    return [axis % len(call.input(0).shape) for axis in whole_number(call.input(1)) or ()]


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape in the new order."""
    return (tuple(call.input(0).shape[axis] for axis in _axes(call)),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    shape = call.input(0).shape
    steps = strides(shape)
    return strided_copy(call, [(shape[axis], steps[axis]) for axis in _axes(call)])
