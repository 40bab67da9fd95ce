"""An axis that an option or an input of an op names; a negative one counts from the end."""

from __future__ import annotations

from edge_runtime.ops.call import Call
from edge_runtime.ops.constraints import describe, whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Tensor


def axis_is_there(call: Call) -> str | None:
    """The axis is a dimension of the input."""
    axis, rank = call.op.options["axis"], len(call.input(0).shape)
    return None if -rank <= axis < rank else f"{axis} of {describe(call.input(0))}"


def axis_option(call: Call) -> int:
    """Return the axis that the option names, counted from the front."""
    axis: int = call.op.options["axis"]
    return axis % len(call.input(0).shape)


def axis_is_known(call: Call) -> str | None:
    """The axis is one constant number, a dimension of the input."""
    return unknown_axis(call.input(1), call.input(0))


def unknown_axis(axis: Tensor, tensor: Tensor) -> str | None:
    """Describe what is no constant number of a dimension of a tensor; None if it is one."""
    known, rank = whole_number(axis), len(tensor.shape)
    if known is not None and len(known) == 1 and -rank <= known[0] < rank:
        return None
    return f"{list(known) if known else 'computed'} of {describe(tensor)}"


def known_axis(axis: Tensor, tensor: Tensor) -> int:
    """Return the axis of a tensor that another tensor names, counted from the front."""
    (known,) = whole_number(axis) or (0,)
    return known % len(tensor.shape)
