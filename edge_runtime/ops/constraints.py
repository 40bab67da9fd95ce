"""Constraints and shapes that several ops share, and how messages describe tensors."""

from __future__ import annotations

from edge_runtime.graph import Tensor
from edge_runtime.ops.call import Call


def told(tensor: Tensor) -> str:
    """Return element type and shape of a tensor for a message."""
    return f"{tensor.dtype} {list(tensor.shape)}"


MOST_NUMBERS = 64
"""Whole numbers that the planner looks at: shapes, axes and bounds are never more."""


def whole_number(tensor: Tensor | None) -> tuple[int, ...] | None:
    """Return the values of an int32 or int64 tensor that is known and short, else None."""
    if tensor is None or tensor.data is None or tensor.dtype not in ("int32", "int64"):
        return None
    if tensor.elements > MOST_NUMBERS:
        return None
    return tuple(tensor.data.cast("B").cast("i" if tensor.dtype == "int32" else "q"))


def per_tensor(tensor: Tensor) -> bool:
    """Tell whether an integer tensor has one scale and one zero point."""
    return tensor.quantization is not None and not tensor.quantization.per_channel


def quantized_per_tensor(call: Call) -> str | None:
    """Integers have one scale and zero point, int16 the zero point 0."""
    for tensor in call.input(0), call.output:
        found = tensor.quantization
        if tensor.dtype == "float32":
            continue
        if (
            found is None
            or found.per_channel
            or (tensor.dtype == "int16" and any(found.zero_points))
        ):
            return f"{tensor.name!r}: {found}"
    return None


def same_type(call: Call) -> str | None:
    """Input and output have the same element type."""
    given, made = call.input(0).dtype, call.output.dtype
    return None if given == made else f"{given} and {made}"


def same_elements(call: Call) -> str | None:
    """Input and output have the same element type and, integers, the same quantisation."""
    given, made = call.input(0), call.output
    if given.dtype != made.dtype:
        return f"{given.dtype} and {made.dtype}"
    if given.quantization != made.quantization and given.data is None:
        return f"{given.quantization} and {made.quantization}"
    return None


def same_shape(call: Call) -> tuple[tuple[int, ...]]:
    """Return the first input's shape, as that of the only output."""
    return (call.input(0).shape,)
