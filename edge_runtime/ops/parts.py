"""A tensor cut along an axis into several outputs, by SPLIT, SPLIT_V and UNPACK."""

from __future__ import annotations

from math import prod

from edge_runtime.ops.call import Call, Kernel, int32s
from edge_runtime.ops.constraints import describe, whole_number
from edge_runtime.ops.strides import require_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Tensor


def other_types(call: Call, position: int) -> str | None:
    """Describe the first output whose element type is not that of an input; None without one."""
    dtype = call.input(position).dtype
    others = [output.dtype for output in call.outputs if output.dtype != dtype]
    return f"{dtype} and {others[0]}" if others else None


def unknown_axis(axis: Tensor, tensor: Tensor) -> str | None:
    """Describe what is no constant number of a dimension of a tensor; None if it is one."""
    known, rank = whole_number(axis), len(tensor.shape)
    if known is not None and len(known) == 1 and -rank <= known[0] < rank:
        return None
    return f"{list(known) if known else 'computed'} of {describe(tensor)}"


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
