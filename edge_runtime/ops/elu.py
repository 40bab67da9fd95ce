"""ELU: ``x`` from 0 on, else ``e**x - 1``."""

from __future__ import annotations

from math import expm1

from edge_runtime.fixed_point import f32
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import not_both_of, quantized_per_tensor, same_shape
from edge_runtime.ops.lookup import tabulate


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8 or float32."""
    return not_both_of(call, "int8", "float32")


CONSTRAINTS = (types_are_supported, quantized_per_tensor)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for int8, the function for float32.

    LiteRT has no reference kernel for it: "litert" gives the bytes of its optimised one.

    Source: EluPrepare in tensorflow/lite/kernels/activations.cc.
    """
    if call.output.dtype == "int8":
        xnnpack = call.rounding == "xnnpack"
        return tabulate(call, lambda x: f32(expm1(x)) if x < 0 else x, by_xnnpack=xnnpack)
    return Kernel("elu_float32", {"count": call.output.elements}, (0,), in_place=True)
