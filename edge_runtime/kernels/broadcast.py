"""Two tensors broadcast to the loops of a kernel; in C broadcast.h."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def spread(a: Array, b: Array, loops: Array) -> tuple[Array, Array]:
    """Return the flat inputs as int64 or float arrays that NumPy broadcasts to the loops.

    Args:
        a: flat.
        b: flat.
        loops: int32 [3 * LOOPS]: how often each loop runs, and by how many elements of ``a`` and of
            ``b`` it advances.
    """
    sizes, *strides = loops.reshape(3, -1)
    kind = a.dtype if a.dtype.kind == "f" else "int64"
    first, second = (
        tensor.reshape([size if step else 1 for size, step in zip(sizes, steps, strict=True)])
        for tensor, steps in zip((a, b), strides, strict=True)
    )
    return first.astype(kind), second.astype(kind)
