"""DENSIFY: a sparse constant of the file with its zeros.

Source: FormatConverter::SparseToDense, tensorflow/lite/kernels/internal/utils/sparsity_format_\
converter.h. A sparse constant is a tree: each level is an index of a dimension or of a block of it,
and each leaf a number of the file.
"""

from __future__ import annotations

from math import prod

from edge_runtime.errors import UnsoundError
from edge_runtime.graph import SIZES, Sparsity
from edge_runtime.ops.call import Call
from edge_runtime.ops.constraints import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

CODES: dict[int, Literal["B", "H", "I"]] = {1: "B", 2: "H", 4: "I"}
"""Bytes of an element -> a code that copies it."""

SPARSE = True
"""It reads sparse constants."""


def types_are_supported(call: Call) -> str | None:
    """Input and output are both float32, both float16 or both int8."""
    types = call.input(0).dtype, call.output.dtype
    return None if types[0] == types[1] in ("float32", "float16", "int8") else ", ".join(types)


def input_is_sparse(call: Call) -> str | None:
    """The input is a sparse constant of the file, with a level for each dimension and block."""
    tensor = call.input(0)
    sparsity, rank = tensor.sparsity, len(tensor.shape)
    if sparsity is None or tensor.data is None:
        return describe(tensor)
    depth = rank + len(sparsity.blocks)
    sound = sorted(sparsity.order) == [*range(depth)] and len(sparsity.levels) == depth
    fits = sound and all(0 <= dimension < rank for dimension in sparsity.blocks)
    return None if fits and len({*sparsity.blocks}) == len(sparsity.blocks) else str(sparsity.order)


CONSTRAINTS = (types_are_supported, input_is_sparse)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape."""
    return (call.input(0).shape,)


def fold(call: Call) -> bytes:
    """Return the bytes of the dense tensor.

    Raises:
        UnsoundError: an index leaves the tensor or the file's numbers.
    """
    tensor = call.input(0)
    assert tensor.sparsity is not None
    assert tensor.data is not None
    code, content = CODES[SIZES[tensor.dtype]], bytearray(tensor.size)
    count, rest = divmod(len(tensor.data), SIZES[tensor.dtype])
    leaves = _leaves(tensor.sparsity, tensor.shape)
    if rest or leaves is None or any(a >= count or b >= tensor.elements for a, b in leaves):
        raise UnsoundError(f"op {call.op.index}, DENSIFY: its sparse constant is damaged")
    numbers, dense = tensor.data.cast(code), memoryview(content).cast(code)
    for source, position in leaves:
        dense[position] = numbers[source]
    return bytes(content)


def _leaves(sparsity: Sparsity, shape: tuple[int, ...]) -> list[tuple[int, int]] | None:
    """Return where each number is in the file and in the tensor; None where an index is wrong.

    Both are sums over the levels, and no level has more entries than the tensor has elements.
    """
    leaves, elements = [(0, 0)], prod(shape)
    for level, step in zip(sparsity.levels, _steps(sparsity, shape), strict=True):
        if isinstance(level, int):
            if not 0 < level * len(leaves) <= elements:
                return None
            leaves = [
                (at * level + index, position + index * step)
                for at, position in leaves
                for index in range(level)
            ]
            continue
        segments, indices = level
        if any(at + 1 >= len(segments) for at, _ in leaves):
            return None
        bounds = [(segments[at], segments[at + 1]) for at, _ in leaves]
        if not all(0 <= first <= last <= len(indices) for first, last in bounds):
            return None
        if sum(last - first for first, last in bounds) > elements or min(indices, default=0) < 0:
            return None
        leaves = [
            (entry, position + indices[entry] * step)
            for (_, position), (first, last) in zip(leaves, bounds, strict=True)
            for entry in range(first, last)
        ]
    return leaves


def _steps(sparsity: Sparsity, shape: tuple[int, ...]) -> list[int]:
    """Return by how many elements the index of each level moves."""
    rank = len(shape)
    strides = [prod(shape[axis + 1 :]) for axis in range(rank)]
    sizes = dict(zip(sparsity.order, sparsity.levels, strict=True))
    for block, axis in enumerate(sparsity.blocks):
        size = sizes[rank + block]
        strides.append(strides[axis])
        strides[axis] *= size if isinstance(size, int) else 1
    return [strides[index] for index in sparsity.order]
