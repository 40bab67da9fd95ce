"""A tensor cut along an axis into several outputs, by SPLIT, SPLIT_V and UNPACK."""

from __future__ import annotations

from math import prod

from edge_runtime.ops.call import Call, Kernel, int32s
from edge_runtime.ops.strides import require_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    pass


def other_types(call: Call, position: int) -> str | None:
    """Describe the first output whose element type is not that of an input; None without one."""
    dtype = call.input(position).dtype
    others = [output.dtype for output in call.outputs if output.dtype != dtype]
    return f"{dtype} and {others[0]}" if others else None


def split(call: Call, position: int, axis: int) -> Kernel:
    """Return the kernel that cuts an input along an axis.

    Args:
        call: the op.
        position: of the input.
        axis: counted from the front.
    """
    require_bytes(call)
    rows = prod(call.input(position).shape[:axis])
    lengths = [output.size // rows for output in call.outputs]
    params = {"rows": rows, "outputs": len(lengths)}
    return Kernel("split", params, (position,), (int32s(lengths),), rows="rows")
