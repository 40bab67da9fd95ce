"""DEQUANTIZE: integers to float32."""

from __future__ import annotations

from edge_runtime.fixed_point import float_bits
from edge_runtime.ops import Call, Kernel
from edge_runtime.ops.constraints import per_tensor, told
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]


def types_are_supported(call: Call) -> str | None:
    """The input is int8, uint8 or int16, the output float32."""
    given, made = call.input(0).dtype, call.output.dtype
    return None if given in KERNELS and made == "float32" else f"{given} to {made}"


def quantization_fits(call: Call) -> str | None:
    """The input has one scale and zero point, int16 the zero point 0."""
    given = call.input(0)
    if given.quantization is None or not per_tensor(given):
        return told(given)
    zero_point = given.quantization.zero_points[0]
    return None if given.dtype != "int16" or not zero_point else str(zero_point)


CONSTRAINTS = (types_are_supported, quantization_fits)


@record
class Params:
    """Parameters of the kernels.

    Attributes:
        scale: bits of a float32 number.
        zero_point: of the input.
    """

    count: int
    scale: int
    zero_point: int


def shape(call: Call) -> tuple[int, ...]:
    """Return the input's shape."""
    return call.input(0).shape


def lower(call: Call) -> Kernel:
    """Return the kernel for the input's type; all runtimes have the same bytes."""
    given = call.input(0)
    assert given.quantization is not None
    scale, zero_point = given.quantization.scales[0], given.quantization.zero_points[0]
    params = Params(call.output.elements, float_bits(scale), zero_point)
    return Kernel(KERNELS[given.dtype], params, (0,))


def _dequantized(params: Params, tensor: Array) -> npt.NDArray[np.float32]:
    """Return ``scale * (x - zero_point)``, rounded once, as the difference is exact."""
    import numpy as np

    scale = np.array([params.scale], np.int32).view(np.float32)
    steps = tensor.astype(np.int32) - params.zero_point
    with np.errstate(over="ignore"):
        result: npt.NDArray[np.float32] = steps.astype(np.float32) * scale
    return result


def dequantize_int8(params: Params, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the kernel for int8 [count]."""
    return _dequantized(params, tensor)


def dequantize_uint8(params: Params, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the kernel for uint8 [count]."""
    return _dequantized(params, tensor)


def dequantize_int16(params: Params, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the kernel for int16 [count]."""
    return _dequantized(params, tensor)


KERNELS = {"int8": dequantize_int8, "uint8": dequantize_uint8, "int16": dequantize_int16}
"""By the input's type."""
