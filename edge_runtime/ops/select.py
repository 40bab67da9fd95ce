"""SELECT and SELECT_V2: of each two elements the first where a condition holds, else the second.

SELECT_V2 broadcasts its inputs to each other. The condition of SELECT may also be a single bool, or
one for each slice along the first dimension. Elements are copied as they are stored, whatever the
tensors' scales, as LiteRT does.

Source: tensorflow/lite/kernels/select.cc.
"""

from __future__ import annotations

from math import prod

from edge_runtime.graph import SIZES
from edge_runtime.ops import broadcast
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe


def three_inputs(call: Call) -> str | None:
    """It has three inputs."""
    count = sum(tensor is not None for tensor in call.inputs)
    return None if count == len(call.inputs) == 3 else str(count)


def condition_type_is_bool(call: Call) -> str | None:
    """The first input is bool."""
    return None if call.input(0).dtype == "bool" else call.input(0).dtype


def types_are_equal(call: Call) -> str | None:
    """Second and third input and output have the same element type."""
    types = [call.input(1).dtype, call.input(2).dtype, call.output.dtype]
    return None if len(set(types)) == 1 else ", ".join(types)


def shapes_fit(call: Call) -> str | None:
    """The shapes can be broadcast to each other; SELECT's second and third are equal."""
    operands = _operands(call)
    shape = broadcast.joined(operands)
    same = call.op.name == "SELECT_V2" or operands[1] == operands[2] == shape
    if shape is not None and same and 0 < prod(shape) < 2**31:
        return None
    return " and ".join(describe(call.input(position)) for position in range(3))


def condition_fits(call: Call) -> str | None:
    """SELECT's condition has the output's shape, one dimension of its first length, or none."""
    if call.op.name == "SELECT_V2":
        return None
    condition, shape = call.input(0).shape, call.input(1).shape
    if condition in ((), shape[:1], shape):
        return None
    return f"{list(condition)} for {list(shape)}"


def loops_fit(call: Call) -> str | None:
    """Broadcasting takes at most 6 loops; neighbouring dimensions broadcast alike are one."""
    return broadcast.too_many_loops(_operands(call))


CONSTRAINTS = (
    three_inputs,
    condition_type_is_bool,
    types_are_equal,
    condition_fits,
    shapes_fit,
    loops_fit,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the shape that all inputs are broadcast to."""
    shape = broadcast.joined(_operands(call))
    assert shape is not None
    return (shape,)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    params = {"size": SIZES[call.output.dtype]}
    loops = broadcast.loops(_operands(call))
    return Kernel("select", params, (0, 1, 2), (loops,), rows=None)


def _operands(call: Call) -> list[tuple[int, ...]]:
    """Return the inputs' shapes as they are broadcast."""
    condition, *others = (call.input(position).shape for position in range(3))
    if call.op.name == "SELECT" and len(condition) == 1:
        condition += (1,) * (len(others[0]) - 1)
    return [condition, *others]
