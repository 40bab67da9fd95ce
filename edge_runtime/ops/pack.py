"""PACK: known numbers joined to a vector, which the planner knows."""

from __future__ import annotations

from edge_runtime.ops.call import Call
from edge_runtime.ops.constraints import describe, same_type, whole_number


def inputs_are_known(call: Call) -> str | None:
    """All inputs are known whole numbers (Keras joins the shape of a RESHAPE so)."""
    for tensor in call.inputs:
        if tensor is None or tensor.shape != () or whole_number(tensor) is None:
            return "nothing" if tensor is None else f"{tensor.name!r}, {describe(tensor)}"
        if tensor.dtype != call.output.dtype:
            return f"{tensor.dtype} for {call.output.dtype}"
    return None


def axis_is_0(call: Call) -> str | None:
    """They are joined along axis 0."""
    axis = call.op.options["axis"]
    return None if axis in (0, -1) else str(axis)


CONSTRAINTS = (inputs_are_known, axis_is_0, same_type)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return (number of inputs,)."""
    return ((len(call.inputs),),)


def fold(call: Call) -> bytes:
    """Return the output's bytes."""
    return b"".join(tensor.data for tensor in call.inputs if tensor and tensor.data)
