"""PACK: tensors of the same shape joined along a new axis."""

from __future__ import annotations

from math import prod

from edge_runtime.graph import SIZES
from edge_runtime.ops.call import Call, Kernel, int32s
from edge_runtime.ops.constraints import describe, other_scale
from edge_runtime.ops.strides import require_bytes


def types_and_shapes_are_the_same(call: Call) -> str | None:
    """All inputs have the same shape, and the output's element type."""
    shape, dtype = call.input(0).shape, call.output.dtype
    for tensor in call.inputs:
        if tensor is None or tensor.shape != shape or tensor.dtype != dtype:
            return f"{'nothing' if tensor is None else describe(tensor)} for {dtype} {list(shape)}"
    return None


def quantization_is_the_same(call: Call) -> str | None:
    """Inputs have the output's scale and zero point."""
    for tensor in call.inputs:
        if tensor and other_scale(tensor, call.output):
            return f"{tensor.quantization} for {call.output.quantization}"
    return None


def axis_fits(call: Call) -> str | None:
    """The axis is from -(rank + 1) to the rank of the inputs."""
    axis, rank = call.op.options["axis"], len(call.input(0).shape)
    return None if -rank - 1 <= axis <= rank else f"{axis} of {describe(call.input(0))}"


CONSTRAINTS = (types_and_shapes_are_the_same, quantization_is_the_same, axis_fits)


def _axis(call: Call) -> int:
    """Return the axis counted from the front."""
    axis: int = call.op.options["axis"]
    return axis % (len(call.input(0).shape) + 1)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the inputs' shape with the number of inputs at the axis."""
    shape, axis = call.input(0).shape, _axis(call)
    return ((*shape[:axis], len(call.inputs), *shape[axis:]),)


def lower(call: Call) -> Kernel:
    """Return the kernel of CONCATENATION."""
    require_bytes(call)
    shape, axis, count = call.input(0).shape, _axis(call), len(call.inputs)
    params = {"rows": prod(shape[:axis]), "inputs": count}
    lengths = int32s([prod(shape[axis:]) * SIZES[call.output.dtype]] * count)
    rows = "rows" if call.all_computed else None
    return Kernel("concatenation", params, tuple(range(count)), (lengths,), rows=rows)
