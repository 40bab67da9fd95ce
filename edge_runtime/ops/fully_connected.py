"""FULLY_CONNECTED: ``output = activation(input @ weights.T + bias)``.

Weights may have a scale for each output. int16 activations with int8 weights: sums are int64 when
the bias is int64 or absent and int32 when it is int32, as in LiteRT. XNNPACK has no int16, and what
LiteRT runs in its place rounds as the machine's kernel does: with ``rounding="xnnpack"`` int16 is
rounded as with "litert".
"""

from __future__ import annotations

from edge_runtime.fixed_point import (
    exact_multiplier,
    rounding_multiplier,
    wrapped,
)
from edge_runtime.ops.activation import (
    activation_is_known,
    quantized_bounds,
    unlimited_bounds,
    xnnpack_bounds,
)
from edge_runtime.ops.call import NONE, Call, Constant, Kernel, int32s, int64s
from edge_runtime.ops.constraints import affine, describe, not_affine, per_tensor
from edge_runtime.ops.per_channel import (
    factors,
    float32_factor,
    float_factors,
    multipliers,
    numbers,
    spread,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_runtime.graph import Tensor

MAX_DEPTH = 2**16
"""Most products of int8 whose sum fits int32 in every case."""

TYPES = (
    ("int8", "int8", "int32"),
    ("int16", "int8", "int64"),
    ("int16", "int8", "int32"),
    ("float32", "float32", "float32"),
)
"""Element types of activations, weights and bias."""

PLUS_128 = bytes((value + 128) % 256 for value in range(256))


def types_are_supported(call: Call) -> str | None:
    """Types of activations, weights, bias: int8, int8, int32; int16, int8, int64/int32; float32."""
    bias = _bias(call)
    types = [call.input(0).dtype, call.output.dtype, call.input(1).dtype]
    for activations, weights, kind in TYPES:
        if types == [activations, activations, weights] and (bias is None or bias.dtype == kind):
            return None
    return ", ".join([*types, *([bias.dtype] if bias else [])])


def weights_are_constant(call: Call) -> str | None:
    """Weights and bias are constants of the file."""
    for tensor in call.inputs[1:]:
        if tensor is not None and tensor.data is None:
            return f"{tensor.name!r}, which is computed"
    return None


def shapes_fit(call: Call) -> str | None:
    """Weights are [outputs, depth], the bias [outputs], the input a multiple of depth."""
    tensor, weights = call.input(0), call.input(1)
    bias = _bias(call)
    if len(weights.shape) == 2 and weights.elements:
        outputs, depth = weights.shape
        if tensor.elements % depth == 0 and (bias is None or bias.shape == (outputs,)):
            return None
    return ", ".join(describe(part) for part in (tensor, weights, bias) if part)


def depth_fits(call: Call) -> str | None:
    """The depth of int8 weights is at most 65,536."""
    weights = call.input(1)
    return None if weights.dtype != "int8" or weights.shape[1] <= MAX_DEPTH else describe(weights)


def keeps_dimensions(call: Call) -> str | None:
    """With keep_num_dims, the input's last dimension is the depth."""
    if not call.op.options["keep_num_dims"]:
        return None
    tensor, weights = call.input(0), call.input(1)
    return None if tensor.shape[-1:] == weights.shape[1:] else describe(tensor)


def weights_are_plain(call: Call) -> str | None:
    """Weights are not shuffled."""
    form = call.op.options["weights_format"]
    return f"format {form}" if form else None


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale and zero point, int16 0; weights may have a scale for each output."""
    if call.input(0).dtype == "float32":
        return None
    if description := not_affine(call.input(0), call.output):
        return description
    weights = call.input(1).quantization
    if weights is None or any(weights.zero_points) or (weights.per_channel and weights.axis != 0):
        return f"{call.input(1).name!r}: {weights and (weights.zero_points[:4], weights.axis)}"
    return None


CONSTRAINTS = (
    types_are_supported,
    weights_are_constant,
    shapes_fit,
    depth_fits,
    keeps_dimensions,
    weights_are_plain,
    quantization_fits,
    activation_is_known,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return [rows, outputs], or the input's shape with another last dimension."""
    outputs, depth = call.input(1).shape
    if call.op.options["keep_num_dims"]:
        return ((*call.input(0).shape[:-1], outputs),)
    return ((call.input(0).elements // depth, outputs),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the element types and the rounding."""
    outputs, depth = call.input(1).shape
    size = {"rows": call.input(0).elements // depth, "depth": depth, "outputs": outputs}
    bias = _bias(call)
    if call.output.dtype == "float32":
        params = {**size, **unlimited_bounds(call)}
        if bias is not None:
            return _kernel("fully_connected_float32", params, inputs=(0, 1, 2))
        return _kernel("fully_connected_float32", params, int32s([0] * outputs))
    xnnpack = call.rounding == "xnnpack" and call.output.dtype == "int8"
    bounds = xnnpack_bounds(call) if xnnpack else quantized_bounds(call)
    biases = numbers(bias, outputs)
    if call.output.dtype == "int8":
        _, zero_point = affine(call.output)
        return _lower_int8(call, {**size, "output_zero_point": zero_point, **bounds}, biases)
    return _lower_int16(call, {**size, **bounds}, biases)


def _lower_int8(call: Call, params: dict[str, int], biases: list[int]) -> Kernel:
    """Return the int8 kernel of the rounding, the input's zero point folded into the bias."""
    weights = call.input(1).data
    assert weights is not None
    # As uint8 with 128 added: Python sums bytes several times faster than other integers.
    flat = weights.tobytes().translate(PLUS_128)
    depth = params["depth"]
    sums = [sum(flat[at : at + depth]) - 128 * depth for at in range(0, len(flat), depth)]
    # sum((x - z) * w) is sum(x * w) - z * sum(w).
    _, offset = affine(call.input(0))
    folded = int32s(
        [wrapped(bias - offset * total) for bias, total in zip(biases, sums, strict=True)]
    )
    if call.rounding == "xnnpack":
        factor = float_factors(call.input(0), call.input(1), call.output, params["outputs"])
        return _kernel("fully_connected_int8_float", params, folded, factor)
    roundings = "once" if call.rounding == "litert" else "twice"
    return _kernel(
        f"fully_connected_int8_{roundings}",
        params,
        folded,
        *_multipliers(call),
        hints={"input_zero_point": offset},
    )


def _lower_int16(call: Call, params: dict[str, int], biases: list[int]) -> Kernel:
    """Return the int16 kernel of the bias' type and the rounding."""
    bias = _bias(call)
    micro = call.rounding == "tflite-micro"
    constants = _multipliers(call) if micro else _exact_multipliers(call)
    if bias is None or bias.dtype == "int64":
        kernel = "fully_connected_int16_reduced_once" if micro else "fully_connected_int16_once"
        return _kernel(kernel, params, int64s(biases), *constants)
    roundings = "twice" if micro else "once"
    return _kernel(f"fully_connected_int16_narrow_{roundings}", params, int32s(biases), *constants)


def _kernel(
    name: str,
    params: dict[str, int],
    *constants: Constant,
    inputs: tuple[int, ...] = (0, 1),
    hints: Mapping[str, int] = NONE,
) -> Kernel:
    """Return a kernel of this op, whose inputs are constants but for the first."""
    weights = inputs[1:]
    return Kernel(name, params, inputs, constants, rows="rows", weights=weights, hints=hints)


def _bias(call: Call) -> Tensor | None:
    return call.inputs[2] if len(call.inputs) > 2 else None


def _multipliers(call: Call) -> tuple[Constant, Constant]:
    """Return the factors from sums to outputs: multiplier and shift of each output.

    Source: with the rounding "litert" see ``rounding_multiplier``. TFLite Micro quantises each
    factor (PopulateConvolutionQuantizationParams, kernel_util.cc), all in double, but for one scale
    it rounds the product to float32 first (GetQuantizedConvolutionMultipler).
    """
    weights, outputs = call.input(1), call.input(1).shape[0]
    if call.rounding == "tflite-micro":
        of_scales = float32_factor if per_tensor(weights) else factors
        return multipliers(of_scales(call.input(0), weights, call.output), outputs)
    pairs = [rounding_multiplier(one) for one in factors(call.input(0), weights, call.output)]
    return spread(pairs, outputs, int32s)


def _exact_multipliers(call: Call) -> tuple[Constant, Constant]:
    """Return the factors from sums to outputs, each with the 53 bits of a double.

    Source: reference_integer_ops::FullyConnected of LiteRT, for int16 as for int8.
    """
    weights = call.input(1)
    pairs = [exact_multiplier(one) for one in factors(call.input(0), weights, call.output)]
    return spread(pairs, weights.shape[0], int64s)
