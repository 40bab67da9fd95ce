"""CONCATENATION: tensors joined along an axis, their elements as they are."""

from __future__ import annotations

from math import prod

from edge_runtime.ops.call import Call, Kernel, int32s
from edge_runtime.ops.constraints import describe

SIZES = {"float32": 4, "int8": 1, "int16": 2, "int32": 4, "int64": 8}
"""Element types that can be joined -> bytes of an element."""


def inputs_are_there(call: Call) -> str | None:
    """No input is left out."""
    missing = [str(position) for position, tensor in enumerate(call.inputs) if tensor is None]
    return f"input {missing[0]}" if missing else None


def types_are_supported(call: Call) -> str | None:
    """Inputs and output are all int8, int16, int32, int64 or float32."""
    types = [tensor.dtype for tensor in (*call.inputs, call.output) if tensor]
    return None if len(set(types)) == 1 and types[0] in SIZES else ", ".join(types)


def axis_is_there(call: Call) -> str | None:
    """The axis is a dimension of the inputs."""
    axis, rank = call.op.options["axis"], len(call.input(0).shape)
    return None if -rank <= axis < rank else f"{axis} of {describe(call.input(0))}"


def shapes_fit(call: Call) -> str | None:
    """The inputs' shapes are equal but for the axis."""
    axis = _axis(call)
    first = call.input(0)
    for tensor in call.inputs:
        other = tensor.shape if tensor else ()
        same = other[:axis] == first.shape[:axis] and other[axis + 1 :] == first.shape[axis + 1 :]
        if tensor and not (len(other) == len(first.shape) and same):
            return f"{describe(first)} and {describe(tensor)}"
    return None


def size_fits(call: Call) -> str | None:
    """The output has 1 to 2**31 - 1 bytes."""
    size = prod(shapes(call)[0]) * SIZES[call.output.dtype]
    return None if 0 < size < 2**31 else str(size)


def quantization_fits(call: Call) -> str | None:
    """Int8 inputs have the output's scale and zero point, int16 tensors the zero point 0."""
    output = call.output
    for tensor in (*call.inputs, output):
        quantization = tensor.quantization if tensor else None
        if output.dtype == "int8" and quantization != output.quantization:
            return f"{quantization} for {output.quantization}"
        if output.dtype == "int16" and quantization and any(quantization.zero_points):
            return f"zero point {quantization.zero_points[0]}"
    return None


def activation_is_none(call: Call) -> str | None:
    """There is no fused activation."""
    code = call.op.options["fused_activation"]
    return str(code) if code else None


CONSTRAINTS = (
    inputs_are_there,
    types_are_supported,
    axis_is_there,
    shapes_fit,
    size_fits,
    quantization_fits,
    activation_is_none,
)


def _axis(call: Call) -> int:
    """Return the axis counted from the front."""
    axis: int = call.op.options["axis"]
    return axis % len(call.input(0).shape)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the first input's shape, with the sum of the lengths along the axis."""
    axis = _axis(call)
    first = call.input(0).shape
    total = sum(tensor.shape[axis] for tensor in call.inputs if tensor)
    return ((*first[:axis], total, *first[axis + 1 :]),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    axis = _axis(call)
    size = SIZES[call.output.dtype]
    lengths = [prod(tensor.shape[axis:]) * size for tensor in call.inputs if tensor]
    params = {"rows": prod(call.input(0).shape[:axis]), "inputs": len(lengths)}
    # A constant input is stored once, however many tensors are run at once.
    rows = "rows" if all(tensor and tensor.data is None for tensor in call.inputs) else None
    inputs = tuple(range(len(lengths)))
    return Kernel("concatenation", params, inputs, (int32s(lengths),), rows=rows)
