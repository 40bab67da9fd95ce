"""ONE_HOT: a new axis along which one number is on, and the others off."""

from __future__ import annotations

from math import prod

from edge_runtime.graph import SIZES
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, named, whole_number

TYPES = ("float32", "int8", "uint8", "int32", "int64", "bool")


def four_inputs(call: Call) -> str | None:
    """It has four inputs."""
    return None if len(call.inputs) == 4 else str(len(call.inputs))


def types_are_supported(call: Call) -> str | None:
    """On, off, output are float32, int8, uint8, int32, int64 or bool; indices int32 or int64."""
    types = [call.input(2).dtype, call.input(3).dtype, call.output.dtype]
    fits = len(set(types)) == 1 and types[0] in TYPES and call.input(0).dtype in ("int32", "int64")
    return None if fits else ", ".join([call.input(0).dtype, *types])


def depth_is_known(call: Call) -> str | None:
    """The depth is one constant int32 number, at least 1."""
    depth = call.input(1)
    number = whole_number(depth)
    fits = depth.dtype == "int32" and number is not None and len(number) == 1 and number[0] > 0
    return None if fits else named(depth)


def values_are_single(call: Call) -> str | None:
    """On and off are one number each."""
    for position in 2, 3:
        if call.input(position).elements != 1:
            return describe(call.input(position))
    return None


def axis_is_there(call: Call) -> str | None:
    """The axis is one of the output, or -1 for the last."""
    axis, rank = call.op.options["axis"], len(call.input(0).shape)
    return None if -1 <= axis <= rank else f"{axis} of {rank + 1}"


CONSTRAINTS = (
    four_inputs,
    types_are_supported,
    depth_is_known,
    values_are_single,
    axis_is_there,
)


def _split(call: Call) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    """Return the dimensions before the new axis, its length, and those behind it."""
    shape, axis = call.input(0).shape, call.op.options["axis"]
    axis = len(shape) if axis == -1 else axis
    return shape[:axis], (whole_number(call.input(1)) or (0,))[0], shape[axis:]


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the shape of the indices with the depth at the axis."""
    before, depth, behind = _split(call)
    return ((*before, depth, *behind),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the indices' type; it copies bytes and so serves every element type."""
    before, depth, behind = _split(call)
    params = {
        "outer": prod(before),
        "depth": depth,
        "inner": prod(behind),
        "bytes": SIZES[call.output.dtype],
    }
    # Constants are there once, however many tensors are run at once, and what is computed is not.
    alone = call.input(0).data is None and all(call.input(n).data is not None for n in (2, 3))
    name = f"one_hot_{call.input(0).dtype}"
    return Kernel(name, params, (0, 2, 3), rows="outer" if alone else None)
