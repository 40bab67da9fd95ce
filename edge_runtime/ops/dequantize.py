"""DEQUANTIZE: integers or float16 to float32."""

from __future__ import annotations

from edge_runtime.fixed_point import float_bits
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import affine, quantized_per_tensor, same_shape

TYPES = ("int8", "uint8", "int16", "float16")


def types_are_supported(call: Call) -> str | None:
    """The input is int8, uint8, int16 or float16, the output float32."""
    source, target = call.input(0).dtype, call.output.dtype
    return None if source in TYPES and target == "float32" else f"{source} to {target}"


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale and zero point, int16 the zero point 0."""
    return None if call.input(0).dtype == "float16" else quantized_per_tensor(call)


CONSTRAINTS = (types_are_supported, quantization_fits)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel for the input's type; all runtimes have the same bytes.

    float16 are the weights of a model whose weights alone are stored so. They are constants, and
    so is the output then: the planner runs this kernel once.
    """
    count = call.output.elements
    if call.input(0).dtype == "float16":
        return Kernel("dequantize_float16", {"count": count}, (0,))
    scale, zero_point = affine(call.input(0))
    params = {
        "count": count,
        "scale": float_bits(scale),
        "zero_point": zero_point,
    }
    return Kernel(f"dequantize_{call.input(0).dtype}", params, (0,))
