"""LOG: the natural logarithm."""

from __future__ import annotations

from math import log

from edge_runtime.fixed_point import f32
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import (
    LIMITS,
    affine,
    quantized_per_tensor,
    same_shape,
    types_are_int8_int16_or_float32,
)
from edge_runtime.ops.interpolation import interpolate
from edge_runtime.ops.lookup import tabulate

CONSTRAINTS = (types_are_int8_int16_or_float32, quantized_per_tensor)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for int8, an interpolated one for int16, the function for float32.

    Integers that stand for 0 or less give the least number of the output.

    Source: LogLUTPrepare in tensorflow/lite/kernels/elementwise.cc.
    """
    dtype = call.output.dtype
    if dtype == "float32":
        params = {"count": call.output.elements}
        return Kernel("transcendental_log_float32", params, (0,), in_place=True)
    scale, zero_point = affine(call.output)
    least = f32((LIMITS[dtype][0] - zero_point) * scale)

    def logarithm(x: float) -> float:
        return least if x <= 0 else f32(log(x))

    return tabulate(call, logarithm) if dtype == "int8" else interpolate(call, logarithm)
