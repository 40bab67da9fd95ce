"""Loops over tensors of which an op copies bytes as they are, and what all such ops require."""

from __future__ import annotations

from math import prod

from edge_runtime.errors import ModelError
from edge_runtime.graph import SIZES
from edge_runtime.ops.call import Call, Constant, Kernel, int32s

Loop = tuple[int, int]
"""How often it runs, and by how many elements of a tensor it advances each time."""


def require_bytes(call: Call) -> None:
    """Raise when a tensor has so many bytes that positions in it are not int32.

    Raises:
        ModelError: it has.
    """
    for tensor in (*call.inputs, *call.outputs):
        if tensor is not None and tensor.size >= 2**31:
            op = f"op {call.op.index}, {call.op.name}"
            raise ModelError(f"{op}: a tensor has {tensor.size} bytes, at most 2**31 - 1 are moved")


def strides(shape: tuple[int, ...]) -> list[int]:
    """Return how many elements lie between neighbours along each dimension."""
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]


def merged(loops: list[Loop], item: int, least: int) -> tuple[int, Constant]:
    """Return bytes that are copied as they are, and the loops around them: int32 [2][loops].

    Args:
        loops: the innermost last.
        item: bytes of an element.
        least: loops of the table at least; loops of one run are put before the others.
    """
    kept: list[Loop] = []
    for size, stride in loops:
        if size == 1:
            continue
        if kept and kept[-1][1] == size * stride:
            size *= kept.pop()[0]
        kept.append((size, stride))
    run = kept.pop()[0] if kept and kept[-1][1] == 1 else 1
    kept = [(1, 0)] * (least - len(kept)) + kept
    sizes, steps = zip(*kept, strict=True)
    return run * item, int32s([*sizes, *(step * item for step in steps)])


def strided_copy(call: Call, loops: list[Loop], offset: int = 0, position: int = 0) -> Kernel:
    """Return the kernel that copies elements of an input in the order of ``loops``.

    Args:
        call: the op.
        loops: over the output, the innermost last; strides are those of the input.
        offset: elements of the input before the first one.
        position: of the input.
    """
    require_bytes(call)
    item = SIZES[call.output.dtype]
    size, table = merged(loops, item, 2)
    params = {
        "rows": 1,
        "input_bytes": call.input(position).size,
        "size": size,
        "offset": offset * item,
        "loops": len(table.data) // 8,
    }
    return Kernel("strided_copy", params, (position,), (table,), rows="rows")
