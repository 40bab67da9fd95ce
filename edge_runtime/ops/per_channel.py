"""Factors from sums of products to outputs, one for each output, and biases, as constants."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, float_bits, quantize_multiplier
from edge_runtime.ops.activation import FLOAT32_MAX
from edge_runtime.ops.call import Constant, int32s
from edge_runtime.ops.constraints import affine, not_affine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from edge_runtime.graph import Tensor


def not_scaled(tensor: Tensor, weights: Tensor, output: Tensor, axis: int) -> str | None:
    """Describe the first tensor of a layer of integers whose quantisation is not supported.

    Input and output have one scale and zero point, as uint8 weights have; int8 weights have one
    scale or one for each slice along ``axis``, and the zero point 0.
    """
    if tensor.dtype == "float32":
        return None
    if weights.dtype == "uint8":
        return not_affine(tensor, weights, output)
    found = weights.quantization
    if found is None or any(found.zero_points) or (found.per_channel and found.axis != axis):
        return f"{weights.name!r}: {found and (found.zero_points[:4], found.axis)}"
    return not_affine(tensor, output)


def scales(
    tensor: Tensor, weights: Tensor, output: Tensor
) -> tuple[float, tuple[float, ...], float]:
    """Return the scales of a layer's input, weights and output."""
    assert weights.quantization is not None
    return affine(tensor)[0], weights.quantization.scales, affine(output)[0]


def factors(tensor: Tensor, weights: Tensor, output: Tensor) -> list[float]:
    """Return the factors from sums to outputs, of each scale of the weights.

    Source: PopulateConvolutionQuantizationParams in tensorflow/lite/kernels/kernel_util.cc, which
    calculates in double.
    """
    scale, several, output_scale = scales(tensor, weights, output)
    return [scale * one / output_scale for one in several]


FACTORS = {"int8": 2**30, "uint8": 2**30, "int16": 2**14}
"""Element type -> bound of the factors from sums to outputs, which LiteRT's shifts do not reach."""


def too_large(tensor: Tensor, weights: Tensor, output: Tensor) -> str | None:
    """Return the largest factor from sums to outputs where a multiplier does not hold it."""
    if output.dtype == "float32":
        return None
    most = max(factors(tensor, weights, output))
    return None if most < FACTORS[output.dtype] else str(most)


def float_factors(tensor: Tensor, weights: Tensor, output: Tensor, outputs: int) -> Constant:
    """Return the factors from sums to outputs, a finite float32 for each output.

    Source: create_fully_connected_nc_qx8_f32_qc8w and its kin in XNNPACK: all in float32.
    """
    scale, several, output_scale = scales(tensor, weights, output)
    found = [min(f32(f32(scale * one) / output_scale), FLOAT32_MAX) for one in several]
    bits = _spread([float_bits(factor) for factor in found], outputs)
    return Constant("float32", int32s(bits).data)


def float32_factor(tensor: Tensor, weights: Tensor, output: Tensor) -> list[float]:
    """Return the one factor of uint8, with the product of the scales in float32.

    Source: GetQuantizedConvolutionMultipler in tensorflow/lite/kernels/kernel_util.cc.
    """
    scale, several, output_scale = scales(tensor, weights, output)
    return [f32(scale * several[0]) / output_scale]


def multipliers(factors: list[float], outputs: int) -> tuple[Constant, Constant]:
    """Return int32 multipliers and shifts of factors, for each output."""
    return spread([quantize_multiplier(factor) for factor in factors], outputs, int32s)


def spread(
    pairs: list[tuple[int, int]], outputs: int, packed: Callable[[list[int]], Constant]
) -> tuple[Constant, Constant]:
    """Return multipliers and shifts, of each output or of all, as constants of each output.

    Args:
        pairs: multiplier and shift.
        outputs: their number.
        packed: makes the constant of the multipliers; the shifts are int32.
    """
    multiplier, shift = zip(*_spread(pairs, outputs), strict=True)
    return packed(list(multiplier)), int32s(list(shift))


def _spread(values: list[Any], outputs: int) -> list[Any]:
    return values * outputs if len(values) == 1 else values


def numbers(tensor: Tensor | None, outputs: int) -> list[int]:
    """Return the values of a constant int32 or int64 bias; zeros when there is none."""
    if tensor is None:
        return [0] * outputs
    assert tensor.data is not None
    values: Any = tensor.data.cast("B").cast("i" if tensor.dtype == "int32" else "q")
    return list(values)
