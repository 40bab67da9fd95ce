"""GATHER_ND: the slices of a tensor that lists of indices name, one index for each dimension."""

from __future__ import annotations

from math import prod

from edge_runtime.graph import SIZES
from edge_runtime.ops.call import Call, Kernel, int32s
from edge_runtime.ops.constraints import describe, same_type
from edge_runtime.ops.gather import indices_are_whole


def indices_fit(call: Call) -> str | None:
    """The last dimension of the indices is a list of 1 to as many as the input has dimensions."""
    tensor, indices = call.input(0), call.input(1)
    if indices.shape and 1 <= indices.shape[-1] <= len(tensor.shape):
        return None
    return f"{describe(indices)} of {describe(tensor)}"


CONSTRAINTS = (same_type, indices_are_whole, indices_fit)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the shape of the lists, and what is left of the input's."""
    indices = call.input(1).shape
    return ((*indices[:-1], *call.input(0).shape[indices[-1] :]),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    tensor, indices = call.input(0), call.input(1)
    depth = indices.shape[-1]
    params = {
        "count": prod(indices.shape[:-1]),
        "depth": depth,
        "bytes": prod(tensor.shape[depth:]) * SIZES[tensor.dtype],
    }
    # A constant is there once, however many lists of indices are run at once.
    rows = "count" if tensor.data is not None else None
    sizes = (int32s([*tensor.shape[:depth]]),)
    return Kernel(f"gather_nd_{indices.dtype}", params, (0, 1), sizes, rows=rows)
