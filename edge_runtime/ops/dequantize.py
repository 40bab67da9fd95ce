"""DEQUANTIZE: integers to float32."""

from __future__ import annotations

from edge_runtime.fixed_point import float_bits
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import per_tensor, same_shape, told

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    Array = npt.NDArray[Any]


TYPES = ("int8", "uint8", "int16")


def types_are_supported(call: Call) -> str | None:
    """The input is int8, uint8 or int16, the output float32."""
    given, made = call.input(0).dtype, call.output.dtype
    return None if given in TYPES and made == "float32" else f"{given} to {made}"


def quantization_fits(call: Call) -> str | None:
    """The input has one scale and zero point, int16 the zero point 0."""
    given = call.input(0)
    if given.quantization is None or not per_tensor(given):
        return told(given)
    zero_point = given.quantization.zero_points[0]
    return None if given.dtype != "int16" or not zero_point else str(zero_point)


CONSTRAINTS = (types_are_supported, quantization_fits)


shapes = same_shape


def lower(call: Call) -> Kernel:
    """Return the kernel for the input's type; all runtimes have the same bytes."""
    given = call.input(0)
    assert given.quantization is not None
    scale, zero_point = given.quantization.scales[0], given.quantization.zero_points[0]
    params = {
        "count": call.output.elements,
        "scale": float_bits(scale),
        "zero_point": zero_point,
    }
    return Kernel(f"dequantize_{given.dtype}", params, (0,))
