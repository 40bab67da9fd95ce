"""GELU: ``x`` times the share of a normal distribution below ``x``, exactly or by tanh."""

from __future__ import annotations

from math import erfc, pi, sqrt, tanh

from edge_runtime.fixed_point import f32
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import (
    quantized_per_tensor,
    same_shape,
    types_are_8_or_16_bits_or_float32,
)
from edge_runtime.ops.interpolation import interpolate
from edge_runtime.ops.lookup import tabulate

CONSTRAINTS = (types_are_8_or_16_bits_or_float32, quantized_per_tensor)


shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return a table for 8 bits, an interpolated one for int16, the function for float32.

    Source: tensorflow/lite/kernels/internal/reference/gelu.h.
    """
    approximate = call.op.options["approximate"]
    if call.output.dtype == "float32":
        kernel = "gelu_tanh_float32" if approximate else "gelu_float32"
        return Kernel(kernel, {"count": call.output.elements}, (0,), in_place=True)
    function = _by_tanh if approximate else _by_erfc
    return (interpolate if call.output.dtype == "int16" else tabulate)(call, function)


ROOT_HALF = f32(sqrt(0.5))
ROOT_2_BY_PI = f32(sqrt(2 / pi))
CUBIC = f32(0.044715)


def _by_erfc(x: float) -> float:
    """Return GELU in float32, each step rounded."""
    return f32(f32(0.5 * x) * f32(erfc(f32(-x * ROOT_HALF))))


def _by_tanh(x: float) -> float:
    """Return the approximation in float32, each step rounded."""
    cubic = f32(x + f32(f32(f32(CUBIC * x) * x) * x))
    return f32(f32(0.5 * x) * f32(1 + f32(tanh(f32(ROOT_2_BY_PI * cubic)))))
