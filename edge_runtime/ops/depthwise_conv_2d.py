"""DEPTHWISE_CONV_2D: a window of its own for each output channel, over one input channel.

Output channel c reads input channel ``c // multiplier``. Integers are rounded twice by LiteRT's
reference kernels as by TFLite Micro, which has no uint8. XNNPACK rounds int8 once, through a float;
all other types have the bytes of LiteRT's reference kernels there. float32 with int8 weights: each
image is quantised with a zero point, and the bytes are LiteRT's, whatever the rounding.
"""

from __future__ import annotations

from math import prod

from edge_runtime.ops.activation import (
    activation_is_known,
    float32_bounds,
    quantized_bounds,
    xnnpack_bounds,
)
from edge_runtime.ops.call import Call, Constant, Kernel, float32s, int32s, int64s
from edge_runtime.ops.constraints import affine, describe
from edge_runtime.ops.per_channel import (
    factors,
    float32_factor,
    float_factors,
    multipliers,
    not_scaled,
    numbers,
    too_large,
)
from edge_runtime.ops.window import places, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Tensor

TYPES = (
    ("int8", "int8", "int32"),
    ("uint8", "uint8", "int32"),
    ("int16", "int8", "int64"),
    ("float32", "float32", "float32"),
    ("float32", "int8", "float32"),
)
"""Element types of activations, weights and bias."""

MOST_POSITIONS = 2**29
"""Bound of sizes, strides and dilations along a dimension: their sums fit int32."""


def types_are_supported(call: Call) -> str | None:
    """Types are float32, weights also int8; int8 or uint8, bias int32; or int16, int8, int64."""
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
    """Weights are [1, rows, columns, N * channels of the input, which has 4 dimensions]."""
    tensor, weights, bias = call.input(0), call.input(1), _bias(call)
    if len(tensor.shape) == len(weights.shape) == 4 and tensor.elements and weights.elements:
        fits = weights.shape[0] == 1 and weights.shape[3] % tensor.shape[3] == 0
        if fits and (bias is None or bias.shape == weights.shape[3:]):
            return None
    return ", ".join(describe(part) for part in (tensor, weights, bias) if part)


def multiplier_is_stated(call: Call) -> str | None:
    """The depth multiplier of int16 is the one of the shapes."""
    multiplier = call.op.options["depth_multiplier"]
    if call.input(0).dtype != "int16" or multiplier == _multiplier(call):
        return None
    return f"{multiplier}, not {_multiplier(call)}"


def window_moves(call: Call) -> str | None:
    """Strides and dilations are positive; with sizes, padding and dilated window below 2**29."""
    options = call.op.options
    moves = [options[name] for name in ("stride_h", "stride_w", "dilation_h", "dilation_w")]
    (_, *size, _), (_, *taps, _) = call.input(0).shape, call.input(1).shape
    dilated = [(count - 1) * step for count, step in zip(taps, moves[2:], strict=True)]
    fits = all(move > 0 for move in moves) and max(*moves, *size, *dilated) < MOST_POSITIONS
    return None if fits else f"{moves}, {size}, {taps}"


def padding_is_known(call: Call) -> str | None:
    """The padding is SAME or VALID, and the window fits into the input."""
    padding = call.op.options["padding"]
    if padding in (0, 1) and min(_positions(call)) > 0:
        return None
    return f"padding {padding}, {describe(call.input(1))} in {describe(call.input(0))}"


def elements_fit(call: Call) -> str | None:
    """Input, weights and output have at most 2**31 - 1 elements."""
    counts = call.input(0).elements, call.input(1).elements, prod(shapes(call)[0])
    return None if max(counts) < 2**31 else str(max(counts))


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale and zero point, int16 0; int8 weights 0, a scale or one an output."""
    return not_scaled(call.input(0), call.input(1), call.output, 3)


def factors_fit(call: Call) -> str | None:
    """The factors from sums to outputs are below 2**30, of int16 below 2**14."""
    return too_large(call.input(0), call.input(1), call.output)


CONSTRAINTS = (
    types_are_supported,
    weights_are_constant,
    shapes_fit,
    multiplier_is_stated,
    window_moves,
    padding_is_known,
    elements_fit,
    quantization_fits,
    factors_fit,
    activation_is_known,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return [batches, rows, columns, outputs]."""
    return ((call.input(0).shape[0], *_positions(call), call.input(1).shape[3]),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the element types and the rounding."""
    tensor, weights, bias = call.input(0), call.input(1), _bias(call)
    batches, height, width, channels = tensor.shape
    _, rows, columns, outputs = weights.shape
    output_height, output_width = _positions(call)
    size = {
        "batches": batches,
        "height": height,
        "width": width,
        "channels": channels,
        "multiplier": _multiplier(call),
        "output_height": output_height,
        "output_width": output_width,
        **window(call, rows, columns),
    }
    if tensor.dtype == "float32":
        params = {**size, **float32_bounds(call)}
        constants = () if bias else (int32s([0] * outputs),)
        inputs = (0, 1, 2) if bias else (0, 1)
        if weights.dtype == "float32":
            return _kernel("float32", params, *constants, inputs=inputs)
        assert weights.quantization is not None
        scales = list(weights.quantization.scales) * (
            1 if weights.quantization.per_channel else outputs
        )
        return _kernel("hybrid", params, *constants, float32s(scales), inputs=inputs)
    biases = numbers(bias, outputs)
    if tensor.dtype == "int16":
        scaling = multipliers(factors(tensor, weights, call.output), outputs)
        return _kernel("int16_once", {**size, **quantized_bounds(call)}, int64s(biases), *scaling)
    size["input_zero_point"] = affine(tensor)[1]
    if tensor.dtype == "uint8":
        size["weights_zero_point"] = affine(weights)[1]
    size["output_zero_point"] = affine(call.output)[1]
    delegated = call.op.options["depth_multiplier"] == _multiplier(call)
    if call.rounding == "xnnpack" and tensor.dtype == "int8" and delegated:
        factor = float_factors(tensor, weights, call.output, outputs)
        return _kernel("int8_float", {**size, **xnnpack_bounds(call)}, int32s(biases), factor)
    of_scales = float32_factor if tensor.dtype == "uint8" else factors
    scaling = multipliers(of_scales(tensor, weights, call.output), outputs)
    params = {**size, **quantized_bounds(call)}
    return _kernel(f"{tensor.dtype}_twice", params, int32s(biases), *scaling)


def _kernel(
    name: str, params: dict[str, int], *constants: Constant, inputs: tuple[int, ...] = (0, 1)
) -> Kernel:
    """Return a kernel of this op, whose inputs are constants but for the first."""
    name = f"depthwise_conv_2d_{name}"
    return Kernel(name, params, inputs, constants, rows="batches", weights=inputs[1:])


def _bias(call: Call) -> Tensor | None:
    return call.inputs[2] if len(call.inputs) > 2 else None


def _multiplier(call: Call) -> int:
    """Return the number of outputs of each input channel."""
    return call.input(1).shape[3] // call.input(0).shape[3]


def _positions(call: Call) -> tuple[int, int]:
    """Return the output's height and width, not positive where the window is too large."""
    _, rows, columns, _ = call.input(1).shape
    return places(call, rows, columns)
