"""TABLE: a table of the values of 8-bit numbers, for passes of the planner; no file has it."""

from __future__ import annotations

from edge_runtime.graph import Op
from edge_runtime.ops.call import Kernel
from edge_runtime.ops.constraints import same_shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.ops.call import Call

CONSTRAINTS = ()

shapes = same_shape


def table_op(index: int, source: int, table: int, output: int) -> Op:
    """Return the op that looks each element of ``source`` up.

    Args:
        index: what messages call the op.
        source: index of an int8 or uint8 tensor.
        table: index of a constant tensor of 256 numbers of 8 bits, the value of -128 first.
        output: index of a tensor of the table's type.
    """
    return Op(index, "TABLE", 1, (source, table), (output,))


def lower(call: Call) -> Kernel:
    """Return the kernel."""
    params = {"count": call.output.elements}
    return Kernel("lookup_int8", params, (0, 1), in_place=True, weights=(1,))
