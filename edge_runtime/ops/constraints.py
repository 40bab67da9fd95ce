"""Constraints and shapes that several ops share, and quantisation as they read it."""

from __future__ import annotations

from edge_runtime.graph import Tensor
from edge_runtime.ops.call import Call


def describe(tensor: Tensor) -> str:
    """Return element type and shape of a tensor for a message."""
    return f"{tensor.dtype} {list(tensor.shape)}"


def named(tensor: Tensor) -> str:
    """Return name, element type and shape of a tensor for a message."""
    return f"{tensor.name!r}, {describe(tensor)}"


LIMITS = {"int8": (-(2**7), 2**7 - 1), "uint8": (0, 2**8 - 1), "int16": (-(2**15), 2**15 - 1)}
"""Element type -> its least and greatest number."""

MOST_NUMBERS = 64
"""Whole numbers that the planner looks at: shapes, axes and bounds are never more."""


def whole_number(tensor: Tensor | None) -> tuple[int, ...] | None:
    """Return the values of an int32 or int64 tensor that is known and short, else None."""
    if tensor is None or tensor.data is None or tensor.dtype not in ("int32", "int64"):
        return None
    if tensor.elements > MOST_NUMBERS:
        return None
    return tuple(tensor.data.cast("B").cast("i" if tensor.dtype == "int32" else "q"))


def pairs(tensor: Tensor) -> list[tuple[int, int]]:
    """Return the values of such a tensor two by two."""
    values = whole_number(tensor) or ()
    return list(zip(values[::2], values[1::2], strict=True))


def computed(*tensors: Tensor | None) -> str | None:
    """Describe the first tensor that is no constant, None if all that are there are constants."""
    for tensor in tensors:
        if tensor is not None and tensor.data is None:
            return f"{tensor.name!r}, which is computed"
    return None


def per_tensor(tensor: Tensor) -> bool:
    """Tell whether an integer tensor has one scale and one zero point."""
    return tensor.quantization is not None and not tensor.quantization.per_channel


def affine(tensor: Tensor) -> tuple[float, int]:
    """Return scale and zero point of a tensor that has one of each, which a constraint checked."""
    assert tensor.quantization is not None
    return tensor.quantization.scales[0], tensor.quantization.zero_points[0]


def other_scale(tensor: Tensor, output: Tensor) -> bool:
    """Tell whether two tensors that have one scale and zero point have others."""
    return (tensor.scale, tensor.zero_point) != (output.scale, output.zero_point)


def not_affine(*tensors: Tensor) -> str | None:
    """Describe the first integer tensor without one scale and zero point, None if all have them.

    The zero point of int16 has to be 0.
    """
    for tensor in tensors:
        quantization = tensor.quantization
        if tensor.dtype == "float32":
            continue
        if quantization is None or quantization.per_channel:
            return f"{tensor.name!r}: {quantization}"
        if tensor.dtype == "int16" and any(quantization.zero_points):
            return f"{tensor.name!r}: zero point {quantization.zero_points[0]}"
    return None


def is_state(call: Call, tensor: Tensor) -> bool:
    """Tell whether a tensor is a variable, and no other input or output of the op."""
    uses = sum(one.index == tensor.index for one in (*call.inputs, *call.outputs) if one)
    return tensor.variable and uses == 1


def not_both_of(call: Call, *types: str) -> str | None:
    """Describe the element types unless input and output have the same one, and it is of these."""
    found = call.input(0).dtype, call.output.dtype
    return None if found[0] == found[1] in types else ", ".join(found)


def quantized_per_tensor(call: Call) -> str | None:
    """Integers have one scale and zero point, int16 the zero point 0."""
    return not_affine(call.input(0), call.output)


def small_integers_are_quantized(call: Call) -> str | None:
    """Integers of 8 and 16 bits have one scale and zero point, int16 the zero point 0."""
    return quantized_per_tensor(call) if call.output.dtype in LIMITS else None


def size_fits(call: Call) -> str | None:
    """The input has 1 to 2**31 - 1 elements."""
    return None if 0 < call.input(0).elements < 2**31 else describe(call.input(0))


def types_are_int8_int16_or_float32(call: Call) -> str | None:
    """Input and output are both int8, int16 or float32."""
    return not_both_of(call, "int8", "int16", "float32")


def types_are_8_or_16_bits_or_float32(call: Call) -> str | None:
    """Input and output are both int8, uint8, int16 or float32."""
    return not_both_of(call, *LIMITS, "float32")


def same_type(call: Call) -> str | None:
    """Input and output have the same element type."""
    types = call.input(0).dtype, call.output.dtype
    return None if types[0] == types[1] else " and ".join(types)


def same_elements(call: Call) -> str | None:
    """Input and output have the same element type and, integers, the same quantisation."""
    tensor, output = call.input(0), call.output
    if tensor.dtype != output.dtype:
        return f"{tensor.dtype} and {output.dtype}"
    if tensor.quantization != output.quantization and tensor.data is None:
        return f"{tensor.quantization} and {output.quantization}"
    return None


def same_shape(call: Call) -> tuple[tuple[int, ...]]:
    """Return the first input's shape, as that of the only output."""
    return (call.input(0).shape,)
