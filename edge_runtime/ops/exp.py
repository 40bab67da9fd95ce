"""EXP: ``e**x``."""

from __future__ import annotations

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import (
    quantized_per_tensor,
    same_shape,
    types_are_int8_int16_or_float32,
)
from edge_runtime.ops.interpolation import interpolate
from edge_runtime.ops.lookup import exponential, tabulate

CONSTRAINTS = (types_are_int8_int16_or_float32, quantized_per_tensor)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for int8, an interpolated one for int16, the function for float32.

    Where e**x is 2**31 steps of the output or more, LiteRT's conversion is undefined; here the
    output is the greatest number.

    Source: tensorflow/lite/kernels/exp.cc.
    """
    if call.output.dtype == "int8":
        return tabulate(call, exponential)
    if call.output.dtype == "int16":
        return interpolate(call, exponential)
    params = {"count": call.output.elements}
    return Kernel("transcendental_exp_float32", params, (0,), in_place=True)
