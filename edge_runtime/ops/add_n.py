"""ADD_N: the sum of two tensors or more, of the same shape.

Source: tensorflow/lite/kernels/add_n.cc.
"""

from __future__ import annotations

from edge_runtime.ops import broadcast
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, same_shape

MOST_INPUTS = 256


def inputs_are_there(call: Call) -> str | None:
    """It has 2 to 256 inputs, and none is left out."""
    count = sum(tensor is not None for tensor in call.inputs)
    return None if 2 <= count == len(call.inputs) <= MOST_INPUTS else str(count)


def types_are_supported(call: Call) -> str | None:
    """Inputs and output are all int32 or float32."""
    return broadcast.not_all_of(call, "int32", "float32")


def shapes_are_equal(call: Call) -> str | None:
    """All inputs have the same shape."""
    first = call.input(0)
    for tensor in call.inputs:
        if tensor and tensor.shape != first.shape:
            return f"{describe(first)} and {describe(tensor)}"
    return None


CONSTRAINTS = (inputs_are_there, types_are_supported, shapes_are_equal)

shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type."""
    inputs = tuple(range(len(call.inputs)))
    params = {"count": call.output.elements, "inputs": len(inputs)}
    rows = "count" if call.all_computed else None
    return Kernel(f"add_n_{call.output.dtype}", params, inputs, in_place=True, rows=rows)
