"""CONCATENATION: tensors joined along an axis, their elements as they are.

But uint8 of other scales than the output's is rescaled, as in LiteRT.
"""

from __future__ import annotations

from math import prod

from edge_runtime.fixed_point import f32, half_away
from edge_runtime.graph import SIZES
from edge_runtime.ops.activation import activation_is_none
from edge_runtime.ops.axis import axis_is_there, axis_option
from edge_runtime.ops.call import Call, Constant, Kernel, int32s
from edge_runtime.ops.constraints import affine, describe, other_scale, per_tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Tensor


def inputs_are_there(call: Call) -> str | None:
    """No input is left out."""
    missing = [str(position) for position, tensor in enumerate(call.inputs) if tensor is None]
    return f"input {missing[0]}" if missing else None


def types_are_supported(call: Call) -> str | None:
    """Inputs and output have the same element type."""
    types = [tensor.dtype for tensor in (*call.inputs, call.output) if tensor]
    return None if len(set(types)) == 1 else ", ".join(types)


def shapes_fit(call: Call) -> str | None:
    """The inputs' shapes are equal but for the axis."""
    axis = axis_option(call)
    first = call.input(0)
    for tensor in call.inputs:
        other = tensor.shape if tensor else ()
        same = other[:axis] == first.shape[:axis] and other[axis + 1 :] == first.shape[axis + 1 :]
        if tensor and not (len(other) == len(first.shape) and same):
            return f"{describe(first)} and {describe(tensor)}"
    return None


def size_fits(call: Call) -> str | None:
    """The output has less than 2**31 bytes."""
    size = prod(shapes(call)[0]) * SIZES[call.output.dtype]
    return None if size < 2**31 else str(size)


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


def uint8_has_scales(call: Call) -> str | None:
    """Uint8 tensors have one scale and zero point each, unless all are quantised the same way."""
    output = call.output
    for tensor in call.inputs if output.dtype == "uint8" else ():
        same = tensor is None or tensor.quantization == output.quantization
        if tensor and not same and not (per_tensor(tensor) and per_tensor(output)):
            return f"{tensor.quantization} for {output.quantization}"
    return None


def ratios_fit(call: Call) -> str | None:
    """The scales of uint8 inputs are less than 2**22 of the output's."""
    output = call.output
    for tensor in call.inputs if output.dtype == "uint8" else ():
        if (
            tensor
            and other_scale(tensor, output)
            and affine(tensor)[0] >= 2**22 * affine(output)[0]
        ):
            return f"{affine(tensor)[0]} for {affine(output)[0]}"
    return None


EMPTY_INPUTS = True
"""Inputs may have no elements; the kernel does not read these."""

CONSTRAINTS = (
    inputs_are_there,
    types_are_supported,
    axis_is_there,
    shapes_fit,
    size_fits,
    quantization_fits,
    uint8_has_scales,
    ratios_fit,
    activation_is_none,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the first input's shape, with the sum of the lengths along the axis."""
    axis = axis_option(call)
    first = call.input(0).shape
    total = sum(tensor.shape[axis] for tensor in call.inputs if tensor)
    return ((*first[:axis], total, *first[axis + 1 :]),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type, or rescales uint8."""
    axis = axis_option(call)
    size = SIZES[call.output.dtype]
    read = {at: tensor for at, tensor in enumerate(call.inputs) if tensor and tensor.elements}
    lengths = [prod(tensor.shape[axis:]) * size for tensor in read.values()]
    params = {"rows": prod(call.input(0).shape[:axis]), "inputs": len(lengths)}
    # A constant input is stored once, however many tensors are run at once.
    rows = "rows" if all(tensor.data is None for tensor in read.values()) else None
    inputs = tuple(read)
    output, constants = call.output, [int32s(lengths)]
    others = [tensor for tensor in read.values() if other_scale(tensor, output)]
    if output.dtype != "uint8" or not others:
        return Kernel("concatenation", params, inputs, tuple(constants), rows=rows)
    constants += [_table(tensor, output) for tensor in read.values()]
    return Kernel("concatenation_lookup", params, inputs, tuple(constants), rows=rows)


def _table(tensor: Tensor, output: Tensor) -> Constant:
    """Return the output of each uint8 number of an input.

    Source: ConcatenationWithScaling in tensorflow/lite/kernels/internal/reference/concatenation.h,
    which calculates in float32.
    """
    (scale, offset), (output_scale, zero_point) = affine(tensor), affine(output)
    if not other_scale(tensor, output):
        return Constant("uint8", bytes(range(256)))
    factor = f32(scale * f32(1 / output_scale))
    bias = f32(-offset * factor)
    values = (half_away(f32(f32(x * factor) + bias)) + zero_point for x in range(256))
    return Constant("uint8", bytes(max(0, min(255, value)) for value in values), table=True)
