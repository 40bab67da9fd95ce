"""FULLY_CONNECTED: ``output = activation(input @ weights.T + bias)``.

Weights may have a scale for each output. int16 activations with int8 weights: sums are int64 when
the bias is int64 or absent and int32 when it is int32, as in LiteRT. XNNPACK has no int16, and what
LiteRT runs in its place rounds as the machine's kernel does: with ``rounding="xnnpack"`` int16 is
rounded as with "litert". TFLite Micro has no uint8, and XNNPACK's is not followed: with all
roundings uint8 gives the bytes of "litert".

float32 with int8 weights (which old files call uint8): each row of the input is quantised, with a
zero point where the option asymmetric_quantize_inputs says so. The bytes are LiteRT's, whatever the
rounding, but for weights of -128, which its vector code on x86 multiplies wrongly.
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
from edge_runtime.ops.call import NONE, Call, Constant, Kernel, float32s, int32s, int64s
from edge_runtime.ops.constraints import affine, computed, describe, not_affine, per_tensor
from edge_runtime.ops.per_channel import (
    factors,
    float_factors,
    floats,
    multipliers,
    numbers,
    other_bias,
    other_types,
    spread,
    weight_scales,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DEPTH = 2**16
"""Most products of int8 whose sum fits int32 in every case."""

TYPES = (
    ("int8", "int8", "int32"),
    ("int16", "int8", "int64"),
    ("int16", "int8", "int32"),
    ("uint8", "uint8", "int32"),
    ("float32", "float32", "float32"),
    ("float32", "int8", "float32"),
    ("float32", "uint8", "float32"),
)
"""Element types of activations, weights and bias."""

PLUS_128 = bytes((value + 128) % 256 for value in range(256))


def types_are_supported(call: Call) -> str | None:
    """Activations and weights are both float32, int8 or uint8, or float32/8 bits or int16/int8."""
    return other_types(TYPES, call.input(0), call.input(1), call.output)


def bias_type_fits(call: Call) -> str | None:
    """The bias is int32, with int16 activations also int64, with float32 ones float32."""
    return other_bias(TYPES, call.input(0), call.input(1), call.optional(2))


def weights_are_constant(call: Call) -> str | None:
    """The bias is a constant of the file, and so are weights, unless all is int8 or all float32."""
    weights, bias = call.input(1), call.optional(2)
    free = call.input(0).dtype == weights.dtype in ("int8", "float32")
    return computed(bias) if free else computed(weights, bias)


def shapes_fit(call: Call) -> str | None:
    """Weights are [outputs, depth], the bias [outputs], the input a multiple of depth."""
    tensor, weights = call.input(0), call.input(1)
    bias = call.optional(2)
    if len(weights.shape) == 2 and weights.elements:
        outputs, depth = weights.shape
        if tensor.elements % depth == 0 and (bias is None or bias.shape == (outputs,)):
            return None
    return ", ".join(describe(part) for part in (tensor, weights, bias) if part)


def depth_fits(call: Call) -> str | None:
    """The depth of int8 and uint8 weights is at most 65,536."""
    weights = call.input(1)
    fits = weights.dtype == "float32" or weights.shape[1] <= MAX_DEPTH
    return None if fits else describe(weights)


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
    """Integers have one scale and zero point (int16: 0), int8 weights also one scale per output."""
    if call.input(1).dtype == "float32":
        return None
    if description := not_affine(call.input(0), call.output):
        return description
    dtype, weights = call.input(0).dtype, call.input(1).quantization
    if weights is not None:
        along = not weights.per_channel or (weights.axis == 0 and dtype != "uint8")
        free = dtype == "float32" or (dtype != "int16" and not weights.per_channel)
        if along and (free or not any(weights.zero_points)):
            return None
    return f"{call.input(1).name!r}: {weights and (weights.zero_points[:4], weights.axis)}"


CONSTRAINTS = (
    types_are_supported,
    bias_type_fits,
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
    if call.output.dtype == "float32":
        return _lower_float32(call, size)
    bias = call.optional(2)
    xnnpack = call.rounding == "xnnpack" and call.output.dtype == "int8"
    bounds = xnnpack_bounds(call) if xnnpack else quantized_bounds(call)
    biases = numbers(bias, outputs)
    if call.output.dtype == "int8":
        _, zero_point = affine(call.output)
        if call.input(1).data is None or _weights_zero_point(call):
            return _lower_offset(call, size, biases)
        return _lower_int8(call, {**size, "output_zero_point": zero_point, **bounds}, biases)
    if call.output.dtype == "uint8":
        return _lower_offset(call, size, biases)
    return _lower_int16(call, {**size, **bounds}, biases)


def _lower_float32(call: Call, size: dict[str, int]) -> Kernel:
    """Return the kernel of float32 with weights of any type, constant or computed."""
    bounds, weights, outputs = unlimited_bounds(call), call.input(1), size["outputs"]
    constants = () if call.optional(2) else (int32s([0] * outputs),)
    inputs = (0, 1, 2) if call.optional(2) else (0, 1)
    if weights.dtype == "float32":
        params = {**size, **bounds}
        if weights.data is not None:
            return _kernel("fully_connected_float32", params, *constants, inputs=inputs)
        name = "fully_connected_offset_float32"
        return Kernel(name, params, inputs, constants, rows=None, weights=inputs[2:])
    scales = float32s(weight_scales(weights, outputs))
    params = {**size, "asymmetric": int(call.op.options["asymmetric_quantize_inputs"]), **bounds}
    return _kernel("fully_connected_hybrid", params, *constants, scales, inputs=inputs)


def _lower_offset(call: Call, size: dict[str, int], biases: list[int]) -> Kernel:
    """Return the kernel of int8 or uint8 whose weights have a zero point, or are computed."""
    params = {
        **size,
        "input_zero_point": affine(call.input(0))[1],
        "weights_zero_point": _weights_zero_point(call),
        "output_zero_point": affine(call.output)[1],
        **quantized_bounds(call),
    }
    name = f"fully_connected_offset_{call.output.dtype}_{'twice' if _micro(call) else 'once'}"
    constants = (int32s(biases), *_multipliers(call))
    weights = (1,) if call.output.dtype == "uint8" else ()
    rows = None if call.input(1).data is None else "rows"
    return Kernel(name, params, (0, 1), constants, rows=rows, weights=weights)


def _micro(call: Call) -> bool:
    return call.rounding == "tflite-micro" and call.output.dtype != "uint8"


def _weights_zero_point(call: Call) -> int:
    quantization = call.input(1).quantization
    assert quantization is not None
    return quantization.zero_points[0]


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
        scales = float_factors(call.input(0), call.input(1), call.output)
        constants = folded, floats(scales, params["outputs"])
        return _kernel("fully_connected_int8_float", params, *constants)
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
    bias = call.optional(2)
    micro = _micro(call)
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


def _multipliers(call: Call) -> tuple[Constant, Constant]:
    """Return the factors from sums to outputs: multiplier and shift of each output.

    Source: with the rounding "litert" see ``rounding_multiplier``. TFLite Micro quantises each
    factor (PopulateConvolutionQuantizationParams, kernel_util.cc), all in double, but for one scale
    it rounds the product to float32 first (GetQuantizedConvolutionMultipler).
    """
    weights, outputs = call.input(1), call.input(1).shape[0]
    if _micro(call):
        rounded = per_tensor(weights)
        several = factors(call.input(0), weights, call.output, rounded=rounded)
        return multipliers(several, outputs)
    pairs = [rounding_multiplier(one) for one in factors(call.input(0), weights, call.output)]
    return spread(pairs, outputs, int32s)


def _exact_multipliers(call: Call) -> tuple[Constant, Constant]:
    """Return the factors from sums to outputs, each with the 53 bits of a double.

    Source: reference_integer_ops::FullyConnected of LiteRT, for int16 as for int8.
    """
    weights = call.input(1)
    pairs = [exact_multiplier(one) for one in factors(call.input(0), weights, call.output)]
    return spread(pairs, weights.shape[0], int64s)
