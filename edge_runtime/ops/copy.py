"""COPY: bytes as they are, for passes of the planner; no file has it."""

from __future__ import annotations

from edge_runtime.graph import Op
from edge_runtime.ops.call import Kernel
from edge_runtime.ops.constraints import same_shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.ops.call import Call

CONSTRAINTS = ()

shapes = same_shape


def copy_op(index: int, source: int, output: int) -> Op:
    """Return the op that copies tensor ``source`` to tensor ``output``.

    Args:
        index: what messages call the op.
        source: index of a tensor.
        output: index of a tensor.
    """
    return Op(index, "COPY", 1, (source,), (output,))


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    # A constant input is there once, however many tensors are run at once.
    rows = "size" if call.input(0).data is None else None
    return Kernel("copy", {"size": call.output.size}, (0,), rows=rows)
