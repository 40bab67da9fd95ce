"""PRELU: ``x`` where it is not negative, else ``alpha * x``, alpha broadcast to x.

Integers are rounded twice, with every rounding: XNNPACK's int8 is not followed. TFLite Micro
calculates the factors in double, LiteRT in float32.

Source: PreluPrepare in tensorflow/lite/kernels/activations.cc; prelu_common.cc of TFLite Micro.
"""

from __future__ import annotations

from edge_runtime.fixed_point import f32, quantize_multiplier
from edge_runtime.ops import broadcast
from edge_runtime.ops.broadcast import scale, zero_point
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import LIMITS, describe


def types_are_supported(call: Call) -> str | None:
    """Inputs and output are all int8, uint8 or float32."""
    return broadcast.not_all_of(call, "int8", "uint8", "float32")


def alpha_fits(call: Call) -> str | None:
    """The second input is broadcast to the first, which has the output's shape."""
    if shapes(call)[0] == call.input(0).shape:
        return None
    return f"{describe(call.input(1))} to {describe(call.input(0))}"


def factors_fit(call: Call) -> str | None:
    """The ratio of integers' scales, and its product with alpha's scale, are less than 2**30."""
    if call.output.dtype not in LIMITS or max(_factors(call)) < 2**30:
        return None
    return " and ".join(map(str, _factors(call)))


CONSTRAINTS = (
    broadcast.two_inputs,
    types_are_supported,
    broadcast.shapes_fit,
    alpha_fits,
    broadcast.loops_fit,
    broadcast.quantization_fits,
    factors_fit,
)

shapes = broadcast.shapes

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type."""
    dtype = call.output.dtype
    if dtype == "float32":
        return broadcast.kernel(call, "prelu_float32", {"count": call.output.elements})
    positive, negative = (quantize_multiplier(factor) for factor in _factors(call))
    low, high = LIMITS[dtype]
    params = {
        "zero_point": zero_point(call, 0),
        "alpha_zero_point": zero_point(call, 1),
        "multiplier": positive[0],
        "shift": positive[1],
        "negative_multiplier": negative[0],
        "negative_shift": negative[1],
        "output_zero_point": zero_point(call, 2),
        "lowest": low,
        "highest": high,
    }
    return broadcast.kernel(call, f"prelu_{dtype}_twice", params)


def _factors(call: Call) -> tuple[float, float]:
    """Return the factors from inputs to outputs: of inputs from 0 on, and of negative ones."""
    x, alpha, output = (scale(call, position) for position in range(3))
    if call.rounding == "tflite-micro":
        return x / output, x * alpha / output
    return f32(x / output), f32(f32(x * alpha) / output)
