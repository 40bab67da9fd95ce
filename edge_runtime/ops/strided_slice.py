"""STRIDED_SLICE of a known vector, which the planner knows."""

from __future__ import annotations

from edge_runtime.ops.call import Call
from edge_runtime.ops.constraints import describe, same_type, whole_number


def input_is_known(call: Call) -> str | None:
    """The input is a known vector of whole numbers (Keras takes the batch from a shape so)."""
    tensor = call.input(0)
    if len(tensor.shape) == 1 and whole_number(tensor) is not None:
        return None
    return f"{tensor.name!r}, {describe(tensor)}"


def bounds_are_known(call: Call) -> str | None:
    """Begin, end and stride are one constant number each, the stride above 0."""
    numbers = [whole_number(tensor) for tensor in call.inputs[1:4]]
    if len(numbers) == 3 and all(n is not None and len(n) == 1 for n in numbers):
        stride = numbers[2]
        if stride and stride[0] > 0:
            return None
    return str(numbers)


def a_number_is_selected(call: Call) -> str | None:
    """A begin that is to become a single number lies inside the vector."""
    if not call.op.options["shrink_axis_mask"] or len(_selected(call)) == 1:
        return None
    return f"{whole_number(call.input(1))} of {describe(call.input(0))}"


def masks_are_plain(call: Call) -> str | None:
    """No ellipsis, no new axis, and an end that is no offset."""
    options = call.op.options
    used = [name for name in ("ellipsis_mask", "new_axis_mask", "offset") if options[name]]
    return ", ".join(used) or None


CONSTRAINTS = (input_is_known, bounds_are_known, masks_are_plain, same_type, a_number_is_selected)


def _selected(call: Call) -> range:
    """Return the positions that the slice selects."""
    begin, end, stride = ((whole_number(tensor) or (0,))[0] for tensor in call.inputs[1:4])
    options = call.op.options
    length = call.input(0).shape[0]
    if options["shrink_axis_mask"]:
        return range(length)[begin : begin + 1 or None]
    start = None if options["begin_mask"] else begin
    stop = None if options["end_mask"] else end
    return range(length)[start:stop:stride]


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return () for a single number, (length,) otherwise."""
    return ((),) if call.op.options["shrink_axis_mask"] else ((len(_selected(call)),),)


def fold(call: Call) -> bytes:
    """Return the output's bytes."""
    data = call.input(0).data
    assert data is not None
    size = 4 if call.output.dtype == "int32" else 8
    return b"".join(bytes(data[size * i : size * i + size]) for i in _selected(call))
