"""The kernel of a model whose output is its input, or a constant, under another shape."""

from __future__ import annotations

from edge_runtime.ops.call import Kernel

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    pass


def kernel(size: int) -> Kernel:
    """Return the kernel for tensors of ``size`` bytes."""
    return Kernel("copy", {"size": size}, (0,), rows="size")
