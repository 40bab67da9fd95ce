"""Tensors whose dimensions are read or written in any order, by a table for each."""

from __future__ import annotations

from math import prod

from edge_runtime.graph import SIZES
from edge_runtime.ops.call import Call, Kernel, int32s

MOST_POSITIONS = 2**18
"""Most numbers of all tables of an op: they are made one by one."""


def indexed_copy(call: Call, axes: list[list[int]], *, out: bool = False, fill: int = 0) -> Kernel:
    """Return the kernel that copies a tensor by tables of positions.

    Args:
        call: the op.
        axes: for each dimension but the last ones, which are copied as they are, the positions in
            elements. Their sums are positions in the input, or, with ``out``, in the output.
        out: whether they are positions in the output, whose other bytes are filled.
        fill: the byte that fills them.
    """
    item = SIZES[call.output.dtype]
    fixed, far = (call.input(0), call.output) if out else (call.output, call.input(0))
    table = [len(one) for one in axes] + [at * item for one in axes for at in one]
    params = {
        "rows": 1,
        "bytes": far.size,
        "size": prod(fixed.shape[len(axes) :]) * item,
        "fill": fill,
        "loops": len(axes),
    }
    name = "indexed_copy_out" if out else "indexed_copy"
    return Kernel(name, params, (0,), (int32s(table),), rows="rows")
