"""Tensors whose dimensions are read or written in any order, by a table for each."""

from __future__ import annotations

from math import prod

from edge_runtime.graph import SIZES
from edge_runtime.ops.call import Call, Kernel, int32s
from edge_runtime.ops.strides import require_bytes

MOST_POSITIONS = 2**18
"""Most numbers of all tables of an op: they are made one by one."""


def indexed_copy(call: Call, axes: list[list[int]], *, fill: int | None = None) -> Kernel:
    """Return the kernel that copies a tensor by tables of positions.

    Args:
        call: the op.
        axes: for each dimension but the last ones, which are copied as they are, the positions in
            elements. Their sums are positions in the input, or, with ``fill``, in the output.
        fill: the byte that fills the output elsewhere.
    """
    require_bytes(call)
    item, loops = SIZES[call.output.dtype], len(axes)
    table = int32s([len(one) for one in axes] + [at * item for one in axes for at in one])
    rows = {"rows": 1}
    if fill is None:
        size = prod(call.output.shape[loops:]) * item
        params = {"input_bytes": call.input(0).size, "size": size, "loops": loops}
        return Kernel("indexed_copy", rows | params, (0,), (table,), rows="rows")
    size = prod(call.input(0).shape[loops:]) * item
    params = {"output_bytes": call.output.size, "size": size, "fill": fill, "loops": loops}
    return Kernel("indexed_copy_out", rows | params, (0,), (table,), rows="rows")
