"""Layers of weights and a bias: their types and scales, and constants with one number per output.

A factor, from sums of products to outputs, is the product of the scales of input and weights
divided by the output's.
"""

from __future__ import annotations

from edge_runtime.fixed_point import f32, quantize_multipliers
from edge_runtime.ops.activation import FLOAT32_MAX
from edge_runtime.ops.call import Constant, float32s, int32s
from edge_runtime.ops.constraints import affine, not_affine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from edge_runtime.graph import Tensor

    T = TypeVar("T")


Types = tuple[tuple[str, str, str], ...]
"""Element types of activations, weights and bias."""


def other_types(types: Types, tensor: Tensor, weights: Tensor, output: Tensor) -> str | None:
    """Describe the element types of input, output and weights that are not among ``types``."""
    found = tensor.dtype, output.dtype, weights.dtype
    known = any(found == (one, one, of_weights) for one, of_weights, _ in types)
    return None if known else ", ".join(found)


def other_bias(types: Types, tensor: Tensor, weights: Tensor, bias: Tensor | None) -> str | None:
    """Describe the element types of a layer whose bias is not among ``types``."""
    if bias is None:
        return None
    found = tensor.dtype, weights.dtype, bias.dtype
    return None if found in types else ", ".join(found)


def not_scaled(tensor: Tensor, weights: Tensor, output: Tensor, axis: int) -> str | None:
    """Describe the first tensor of a layer whose quantisation is not supported.

    Integer inputs and outputs have one scale and zero point, as uint8 weights have; int8 weights
    have one scale or one for each slice along ``axis``, and the zero point 0.
    """
    if weights.dtype in ("float32", "uint8"):
        return not_affine(tensor, weights, output)
    found = weights.quantization
    if found is None or any(found.zero_points) or (found.per_channel and found.axis != axis):
        return f"{weights.name!r}: {found and (found.zero_points[:4], found.axis)}"
    return not_affine(tensor, output)


def zero_points(tensor: Tensor, weights: Tensor, output: Tensor) -> dict[str, int]:
    """Return the zero points of a layer as parameters; those of float32 are 0."""
    named = {"input": tensor, "weights": weights, "output": output}
    return {
        f"{name}_zero_point": affine(one)[1] if one.quantization and one.dtype != "float32" else 0
        for name, one in named.items()
    }


def factors(
    tensor: Tensor, weights: Tensor, output: Tensor, *, rounded: bool = False
) -> list[float]:
    """Return the factors of each scale of the weights, calculated in double.

    Source: PopulateConvolutionQuantizationParams in tensorflow/lite/kernels/kernel_util.cc; of
    rounded products GetQuantizedConvolutionMultipler there.

    Args:
        tensor: the input.
        weights: of the layer.
        output: of the layer.
        rounded: whether products are rounded to float32, as those of uint8 are.
    """
    assert weights.quantization is not None
    scale, output_scale = affine(tensor)[0], affine(output)[0]
    scales = weights.quantization.scales
    if rounded:
        return [f32(scale * one) / output_scale for one in scales]
    return [scale * one / output_scale for one in scales]


FACTORS = {"int8": 2**30, "uint8": 2**30, "int16": 2**14}
"""Element type -> bound of the factors, which LiteRT's shifts do not reach."""


def too_large(tensor: Tensor, weights: Tensor, output: Tensor) -> str | None:
    """Return the largest factor where a multiplier does not hold it."""
    if output.dtype == "float32":
        return None
    assert weights.quantization is not None
    most = affine(tensor)[0] * max(weights.quantization.scales) / affine(output)[0]
    return None if most < FACTORS[output.dtype] else str(most)


def float_factors(tensor: Tensor, weights: Tensor, output: Tensor) -> list[float]:
    """Return the factors of each scale of the weights, calculated in float32, and finite.

    Source: create_fully_connected_nc_qx8_f32_qc8w and its kin in XNNPACK.
    """
    exact = factors(tensor, weights, output, rounded=True)
    return [min(f32(factor), FLOAT32_MAX) for factor in exact]


def weight_scales(weights: Tensor, outputs: int) -> list[float]:
    """Return the scale of the weights of each output."""
    assert weights.quantization is not None
    return each(list(weights.quantization.scales), outputs)


def multipliers(factors: list[float], outputs: int) -> tuple[Constant, Constant]:
    """Return int32 multipliers and shifts of factors, for each output."""
    several, shifts = quantize_multipliers(factors)
    return int32s(each(several, outputs)), int32s(each(shifts, outputs))


def spread(
    pairs: list[tuple[int, int]], outputs: int, packed: Callable[[list[int]], Constant]
) -> tuple[Constant, Constant]:
    """Return multipliers and shifts, of each output or of all, as constants of each output.

    Args:
        pairs: multiplier and shift.
        outputs: their number.
        packed: makes the constant of the multipliers; the shifts are int32.
    """
    multiplier, shift = zip(*each(pairs, outputs), strict=True)
    return packed(list(multiplier)), int32s(list(shift))


def floats(factors: list[float], outputs: int) -> Constant:
    """Return factors as a constant of float32, for each output."""
    return float32s(each(factors, outputs))


def each(values: list[T], outputs: int) -> list[T]:
    """Return the values of each output, given these or a single one for all."""
    return values * outputs if len(values) == 1 else values


def numbers(tensor: Tensor | None, outputs: int) -> list[int]:
    """Return the values of a constant int32 or int64 bias; zeros when there is none."""
    if tensor is None:
        return [0] * outputs
    assert tensor.data is not None
    values: Any = tensor.data.cast("B").cast("i" if tensor.dtype == "int32" else "q")
    return list(values)
