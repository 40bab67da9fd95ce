"""MUL: ``activation(a * b)``.

Whose bytes integers give:

- "litert": the product rescaled and rounded twice (``rescale_twice``) by a factor of float32
  numbers; "tflite-micro": the same with the factor calculated in double, as TFLite Micro does.
- "xnnpack": XNNPACK's, which multiplies 8-bit products by a float32 factor and rounds halves to
  even. It runs factors in [2**-16, 2**8) and up to 6 dimensions. All others give the bytes of
  "litert", as LiteRT itself does by default for int16; for 8 bits it then runs vector
  kernels that overflow, whose bytes depend on where in a tensor an element is. XNNPACK's kernels
  for Arm round halves up, which is not followed.
"""

from __future__ import annotations

from edge_runtime.fixed_point import f32, float_bits, quantize_multiplier
from edge_runtime.ops import activation, broadcast
from edge_runtime.ops.add import XNNPACK_RANK
from edge_runtime.ops.broadcast import scale, zero_point
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import LIMITS

XNNPACK_FACTORS = (2.0**-16, 2.0**8)
"""Factors that LiteRT leaves to XNNPACK: at least, and below."""


def factor_fits(call: Call) -> str | None:
    """The product of quantised inputs' scales is less than 2**30 of the output's scale."""
    if call.output.dtype not in LIMITS or _factor(call) < 2**30:
        return None
    return f"{scale(call, 0)} * {scale(call, 1)} for {scale(call, 2)}"


CONSTRAINTS = (*broadcast.CONSTRAINTS, factor_fits)

shapes = broadcast.shapes

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type and rounding."""
    return broadcast.kernel(call, *_chosen(call))


def _chosen(call: Call) -> tuple[str, dict[str, int]]:
    """Return the kernel's name and parameters."""
    dtype = call.output.dtype
    if dtype == "float32":
        return "mul_float32", activation.float32_bounds(call)
    if dtype in ("int32", "int64"):
        return f"mul_{dtype}", activation.int32_bounds(call)
    factor, (low, high) = _factor(call), XNNPACK_FACTORS
    zero_points = {"a_zero_point": zero_point(call, 0), "b_zero_point": zero_point(call, 1)}
    delegated = low <= factor < high and len(call.output.shape) <= XNNPACK_RANK
    if call.rounding == "xnnpack" and dtype != "int16" and delegated:
        return f"mul_{dtype}_float", {
            **zero_points,
            "factor": float_bits(factor),
            "zero_point": zero_point(call, 2),
            **activation.xnnpack_bounds(call),
        }
    multiplier, shift = quantize_multiplier(factor)
    return f"mul_{dtype}_twice", {
        **zero_points,
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": zero_point(call, 2),
        **activation.quantized_bounds(call),
    }


def _factor(call: Call) -> float:
    """Return the factor of products.

    Source: Prepare in tensorflow/lite/kernels/mul.cc, which calculates in float32;
    CalculateOpDataMul in mul_common.cc of TFLite Micro, which calculates in double.
    """
    a, b, output = (scale(call, position) for position in range(3))
    return a * b / output if call.rounding == "tflite-micro" else f32(f32(a * b) / output)
