"""FULLY_CONNECTED: ``output = activation(input @ weights.T + bias)``."""

from __future__ import annotations

from edge_runtime import schema
from edge_runtime.fixed_point import f32, half_away, quantize_multiplier, rescale
from edge_runtime.ops import Call, Kernel, int32s
from edge_runtime.ops.constraints import per_tensor, told
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

LANES = 16
"""Partial sums of a float32 dot product; element k goes to sum k % LANES. A fixed order gives the
same bytes on every machine, and one or a few vectors of any SIMD width hold it."""

MAX_DEPTH = 2**16
"""Products of int8 of which no sum can leave int32."""


def types_are_supported(call: Call) -> str | None:
    """Input, weights and output are all int8 or all float32, the bias int32 or float32."""
    given = [call.input(0).dtype, call.input(1).dtype, call.output.dtype]
    bias = call.inputs[2].dtype if len(call.inputs) > 2 and call.inputs[2] else None
    for dtype, bias_dtype in ("int8", "int32"), ("float32", "float32"):
        if given == [dtype] * 3 and bias in (None, bias_dtype):
            return None
    return ", ".join([*given, *([bias] if bias else [])])


def weights_are_constant(call: Call) -> str | None:
    """Weights and bias are constants of the file."""
    for tensor in call.inputs[1:]:
        if tensor is not None and tensor.data is None:
            return f"{tensor.name!r}, which is computed"
    return None


def shapes_fit(call: Call) -> str | None:
    """Weights are [outputs, depth], the bias [outputs], the input a multiple of depth."""
    tensor, weights = call.input(0), call.input(1)
    bias = call.inputs[2] if len(call.inputs) > 2 else None
    if len(weights.shape) == 2 and weights.elements:
        outputs, depth = weights.shape
        if tensor.elements % depth == 0 and (bias is None or bias.shape == (outputs,)):
            return None
    return ", ".join(told(one) for one in (tensor, weights, bias) if one)


def depth_fits(call: Call) -> str | None:
    """The depth of int8 weights is at most 65,536."""
    weights = call.input(1)
    return None if weights.dtype != "int8" or weights.shape[1] <= MAX_DEPTH else told(weights)


def keeps_dimensions(call: Call) -> str | None:
    """With keep_num_dims, the input's last dimension is the depth."""
    if not call.op.options["keep_num_dims"]:
        return None
    tensor, weights = call.input(0), call.input(1)
    return None if tensor.shape[-1:] == weights.shape[1:] else told(tensor)


def weights_are_plain(call: Call) -> str | None:
    """Weights are not shuffled."""
    form = call.op.options["weights_format"]
    return f"format {form}" if form else None


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale and zero point; weights may have a scale for each output."""
    if call.input(0).dtype == "float32":
        return None
    for tensor in call.input(0), call.output:
        if not per_tensor(tensor):
            return f"{tensor.name!r}: {tensor.quantization}"
    weights = call.input(1).quantization
    if weights is None or any(weights.zero_points) or (weights.per_channel and weights.axis != 0):
        return f"{call.input(1).name!r}: {weights and (weights.zero_points[:4], weights.axis)}"
    return None


def activation_is_known(call: Call) -> str | None:
    """The fused activation is NONE, RELU, RELU_N1_TO_1 or RELU6."""
    code = call.op.options["fused_activation"]
    return None if 0 <= code <= 3 else str(code)


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


def shape(call: Call) -> tuple[int, ...]:
    """Return [rows, outputs], or the input's shape with another last dimension."""
    outputs, depth = call.input(1).shape
    if call.op.options["keep_num_dims"]:
        return (*call.input(0).shape[:-1], outputs)
    return (call.input(0).elements // depth, outputs)


@record
class Int8Params:
    """Parameters of ``fully_connected_int8``."""

    rows: int
    depth: int
    outputs: int
    output_zero_point: int
    lowest: int
    highest: int


@record
class FloatParams:
    """Parameters of ``fully_connected_float32``; the ends are the bits of float32 numbers."""

    rows: int
    depth: int
    outputs: int
    lowest: int
    highest: int


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type."""
    outputs, depth = call.input(1).shape
    rows = call.input(0).elements // depth
    name = schema.ACTIVATIONS[call.op.options["fused_activation"]]
    low, high = LIMITS[name]
    bias = call.inputs[2] if len(call.inputs) > 2 else None
    if call.output.dtype == "float32":
        params = FloatParams(rows, depth, outputs, _bits(low), _bits(high))
        if bias is not None:
            return Kernel(fully_connected_float32, params, (0, 1, 2))
        zeros = int32s([0] * outputs)
        return Kernel(fully_connected_float32, params, (0, 1), (zeros,))
    given, weights, made = call.input(0), call.input(1), call.output
    assert given.quantization is not None
    assert weights.quantization is not None
    assert made.quantization is not None
    assert weights.data is not None
    scale, zero_point = made.quantization.scales[0], made.quantization.zero_points[0]
    pairs = [
        quantize_multiplier(factor)
        for factor in _factors(given.quantization.scales[0], weights.quantization.scales, scale)
    ]
    if len(pairs) == 1:
        pairs *= outputs
    # Folded into the bias: sum((x - z) * w) is sum(x * w) - z * sum(w).
    numbers: Any = weights.data.cast("B").cast("b")
    ends = range(depth, outputs * depth + 1, depth)
    biases = bias.data.cast("B").cast("i").tolist() if bias and bias.data else [0] * outputs
    offset = given.quantization.zero_points[0]
    folded = [
        _wrapped(b - offset * sum(numbers[end - depth : end].tolist()))
        for b, end in zip(biases, ends, strict=True)
    ]
    params_int8 = Int8Params(
        rows, depth, outputs, zero_point, *_clamp(low, high, scale, zero_point)
    )
    constants = (int32s(folded), int32s([m for m, _ in pairs]), int32s([s for _, s in pairs]))
    return Kernel(fully_connected_int8, params_int8, (0, 1), constants)


LIMITS = {
    "NONE": (float("-inf"), float("inf")),
    "RELU": (0.0, float("inf")),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU6": (0.0, 6.0),
}
"""What a fused activation clamps to."""


def _factors(given: float, weights: tuple[float, ...], made: float) -> list[float]:
    """Return what turns accumulators into outputs, one number or one for each output.

    Source: GetQuantizedConvolutionMultipler (one scale: the product is a float32) and
    PopulateConvolutionQuantizationParams (many: all in double), kernel_util.cc of TFLite.
    """
    if len(weights) == 1:
        return [f32(given * weights[0]) / made]
    return [given * scale / made for scale in weights]


def _clamp(low: float, high: float, scale: float, zero_point: int) -> tuple[int, int]:
    """Return the ends of an activation in int8 (CalculateActivationRangeQuantized)."""

    def quantized(value: float, otherwise: int) -> int:
        if abs(value) == float("inf"):
            return otherwise
        return max(-128, min(127, zero_point + half_away(f32(value / scale))))

    return quantized(low, -128), quantized(high, 127)


def _bits(value: float) -> int:
    """Return the bits of a float32 number as int32."""
    import struct

    return int(struct.unpack("<i", struct.pack("<f", value))[0])


def _wrapped(value: int) -> int:
    """Return ``value`` as int32 arithmetic would."""
    return (value + 2**31) % 2**32 - 2**31


def fully_connected_int8(
    params: Int8Params,
    tensor: Array,
    weights: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: int32 sums, one rounding, halves up.

    Args:
        params: see there.
        tensor: int8 [rows * depth].
        weights: int8 [outputs * depth].
        bias: int32 [outputs], the input's zero point folded in.
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Source: reference_integer_ops::FullyConnected, and MultiplyByQuantizedMultiplier with
    TFLITE_SINGLE_ROUNDING.
    """
    import numpy as np

    x = tensor.reshape(params.rows, params.depth).astype(np.int64)
    w = weights.reshape(params.outputs, params.depth).astype(np.int64)
    # Sums wrap as int32 does.
    total = (x @ w.T + bias).astype(np.int32).astype(np.int64)
    scaled = rescale(total, multiplier.astype(np.int64), shift.astype(np.int64))
    moved = scaled.astype(np.int32).astype(np.int64) + params.output_zero_point
    clamped: npt.NDArray[np.int8] = np.clip(moved, params.lowest, params.highest).astype(np.int8)
    return clamped.ravel()


def fully_connected_float32(
    params: FloatParams, tensor: Array, weights: Array, bias: Array
) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: LANES partial sums, each product and each sum rounded.

    The error of a sum is at most (depth / LANES + 6) * 2**-24 * sum(|x * w|).

    Args:
        params: see there.
        tensor: float32 [rows * depth].
        weights: float32 [outputs * depth].
        bias: float32 [outputs].
    """
    import numpy as np

    missing = -params.depth % LANES
    x = np.pad(tensor.reshape(params.rows, 1, -1), ((0, 0), (0, 0), (0, missing)))
    w = np.pad(weights.reshape(1, params.outputs, -1), ((0, 0), (0, 0), (0, missing)))
    lanes = np.zeros((params.rows, params.outputs, LANES), np.float32)
    for start in range(0, params.depth, LANES):
        lanes += x[..., start : start + LANES] * w[..., start : start + LANES]
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = lanes[..., :half] + lanes[..., half:]
    total = lanes[..., 0] + bias.view(np.float32)
    low, high = np.array([params.lowest, params.highest], np.int32).view(np.float32)
    clamped: npt.NDArray[np.float32] = np.minimum(np.maximum(total, low), high)
    return clamped.ravel()
