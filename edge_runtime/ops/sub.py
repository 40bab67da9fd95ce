"""SUB: ``activation(a - b)``, by the kernels of ADD."""

from __future__ import annotations

from edge_runtime.ops import add
from edge_runtime.ops.call import Call, Kernel

CONSTRAINTS = add.SHARED_CONSTRAINTS

shapes = add.shapes

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type and rounding."""
    return add.lower(call, sign=-1)
