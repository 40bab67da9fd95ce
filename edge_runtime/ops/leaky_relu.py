"""LEAKY_RELU: ``x`` where it is positive, else ``alpha * x``."""

from __future__ import annotations

from math import isfinite

from edge_runtime.fixed_point import f32, float_bits, quantize_multiplier, rescale_twice
from edge_runtime.ops import Call, Kernel
from edge_runtime.ops.constraints import quantized_per_tensor
from edge_runtime.ops.lookup import tabulate_integers
from edge_runtime.ops.requantize import ratio_fits, requantized
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8, both int16 or both float32."""
    given, made = call.input(0).dtype, call.output.dtype
    return None if given == made and made in ("float32", "int8", "int16") else f"{given}, {made}"


def alpha_fits(call: Call) -> str | None:
    """Alpha is finite, and its product with the ratio of integers' scales within 2**31."""
    alpha = call.op.options["alpha"]
    if not isfinite(alpha):
        return str(alpha)
    if call.output.dtype == "float32" or abs(_factors(call)[1]) < 2**31:
        return None
    return str(_factors(call)[1])


CONSTRAINTS = (types_are_supported, quantized_per_tensor, ratio_fits, alpha_fits)


@record
class FloatParams:
    """Parameters of ``leaky_relu_float32``.

    Attributes:
        alpha: bits of a float32 number.
    """

    count: int
    alpha: int


@record
class Int16Params:
    """Parameters of ``leaky_relu_int16_twice``.

    Attributes:
        multiplier: of an input that is not negative; see ``quantize_multiplier``.
        shift: likewise.
        negative_multiplier: of a negative input.
        negative_shift: likewise.
        negative_sign: what the output of a negative input is multiplied with, 1 or -1.
    """

    count: int
    multiplier: int
    shift: int
    negative_multiplier: int
    negative_shift: int
    negative_sign: int


def shape(call: Call) -> tuple[int, ...]:
    """Return the input's shape."""
    return call.input(0).shape


def lower(call: Call) -> Kernel:
    """Return a table for int8, fixed-point arithmetic for int16, the function for float32.

    Integers are rounded twice. With a negative alpha the first rounding's halves go down in
    LiteRT's reference kernels, up elsewhere. XNNPACK's int8 factors have 8 bits of fraction; what
    it does not take (int16, other ratios) goes to LiteRT's optimised kernels.

    Source: QuantizeLeakyRelu in reference/leaky_relu.h of TFLite; xnn_init_qs8_lrelu_scalar_params
    in src/microparams-init.c of XNNPACK, src/qs8-vlrelu/scalar-select.c.in.
    """
    if call.output.dtype == "float32":
        params = FloatParams(call.output.elements, float_bits(call.op.options["alpha"]))
        return Kernel(leaky_relu_float32, params, (0,), in_place=True)
    factors = _factors(call)
    sign = -1 if factors[1] < 0 and call.rounding == "litert" else 1
    pairs = quantize_multiplier(factors[0]), quantize_multiplier(sign * factors[1])
    if call.output.dtype == "int16":
        params_int16 = Int16Params(call.output.elements, *pairs[0], *pairs[1], sign)
        return Kernel(leaky_relu_int16_twice, params_int16, (0,), in_place=True)
    given, made = call.input(0).quantization, call.output.quantization
    assert given is not None
    assert made is not None
    offset, zero_point = given.zero_points[0], made.zero_points[0]
    if call.rounding == "xnnpack":
        ratio = factors[0]
        slope = f32(ratio * call.op.options["alpha"])
        if 2**-8 <= ratio <= 2**7 and abs(slope) >= 2**-8 and -(2**7) < slope <= 2**7:
            parts = [round(256 * ratio), round(256 * slope)]
            return tabulate_integers(
                call, lambda x: (((x - offset) * parts[x < offset] + 128) >> 8) + zero_point
            )
    signs = (1, sign)
    return tabulate_integers(
        call,
        lambda x: signs[x < offset] * requantized(x - offset, *pairs[x < offset]) + zero_point,
    )


def _factors(call: Call) -> tuple[float, float]:
    """Return what turns inputs into outputs: those not negative, and the negative ones."""
    given, made = call.input(0).quantization, call.output.quantization
    assert given is not None
    assert made is not None
    scale, alpha = given.scales[0], call.op.options["alpha"]
    return f32(scale / made.scales[0]), f32(f32(scale * alpha) / made.scales[0])


def leaky_relu_float32(params: FloatParams, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: the product is rounded once.

    Args:
        params: see there.
        tensor: float32 [count].
    """
    import numpy as np

    alpha = np.array([params.alpha], np.int32).view(np.float32)
    with np.errstate(all="ignore"):
        result: npt.NDArray[np.float32] = np.where(tensor > 0, tensor, tensor * alpha)
    return result


def leaky_relu_int16_twice(params: Int16Params, tensor: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: rounded twice, halves away from zero.

    Args:
        params: see there.
        tensor: int16 [count].
    """
    import numpy as np

    x = tensor.astype(np.int64)
    negative = rescale_twice(x, params.negative_multiplier, params.negative_shift)
    negative = negative * params.negative_sign
    scaled = np.where(x < 0, negative, rescale_twice(x, params.multiplier, params.shift))
    # Huge ratios of the scales wrap as int32 does.
    wrapped = scaled.astype(np.int32)
    result: npt.NDArray[np.int16] = np.clip(wrapped, -(2**15), 2**15 - 1).astype(np.int16)
    return result
