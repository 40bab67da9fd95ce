"""Tensors broadcast to the loops of a kernel; in C broadcast.h."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Elements:
    """Parameters of kernels that need none but their loops: the number of outputs."""

    count: int


def spread(a: Array, b: Array, loops: Array) -> tuple[Array, Array]:
    """Return the flat inputs as int64 or float arrays that NumPy broadcasts to the loops.

    Args:
        a: flat.
        b: flat.
        loops: int32 [3 * LOOPS]: how often each loop runs, and by how many elements of ``a`` and of
            ``b`` it advances.
    """
    kind = a.dtype if a.dtype.kind == "f" else "int64"
    first, second = unfolded((a, b), loops)
    return first.astype(kind), second.astype(kind)


def unfolded(tensors: Sequence[Array], loops: Array) -> list[Array]:
    """Return flat tensors in shapes that NumPy broadcasts to the loops.

    Args:
        tensors: flat.
        loops: int32 [(1 + tensors) * LOOPS], likewise.
    """
    sizes, *strides = loops.reshape(1 + len(tensors), -1)
    return [
        tensor.reshape([size if step else 1 for size, step in zip(sizes, steps, strict=True)])
        for tensor, steps in zip(tensors, strides, strict=True)
    ]
