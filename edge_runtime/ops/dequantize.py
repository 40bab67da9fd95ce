"""DEQUANTIZE: integers to float32."""

from __future__ import annotations

from edge_runtime.fixed_point import float_bits
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import affine, quantized_per_tensor, same_shape

TYPES = ("int8", "uint8", "int16")


def types_are_supported(call: Call) -> str | None:
    """The input is int8, uint8 or int16, the output float32."""
    source, target = call.input(0).dtype, call.output.dtype
    return None if source in TYPES and target == "float32" else f"{source} to {target}"


CONSTRAINTS = (types_are_supported, quantized_per_tensor)


shapes = same_shape


def lower(call: Call) -> Kernel:
    """Return the kernel for the input's type; all runtimes have the same bytes."""
    scale, zero_point = affine(call.input(0))
    params = {
        "count": call.output.elements,
        "scale": float_bits(scale),
        "zero_point": zero_point,
    }
    return Kernel(f"dequantize_{call.input(0).dtype}", params, (0,))
