"""MAX_POOL_2D, AVERAGE_POOL_2D and L2_POOL_2D: windows of an image, channel by channel.

Padding counts neither as a number nor in the count that averages are divided by. Integers have the
same bytes in LiteRT, with XNNPACK and in TFLite Micro, but for the fused activation's bounds, which
XNNPACK rounds otherwise in maxima of 8 bits. Numbers are not rescaled where the output is quantised
unlike the input, as LiteRT does not. Averages of float32 have the bytes of "litert" with every
rounding.
"""

from __future__ import annotations

from math import prod

from edge_runtime.ops.activation import (
    activation_is_known,
    float32_bounds,
    quantized_bounds,
    xnnpack_bounds,
)
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, not_both_of, quantized_per_tensor
from edge_runtime.ops.window import Size, images, misfit, places, window

MOST_TAPS = {"int8": 2**23, "uint8": 2**23, "int16": 2**16 - 1}
"""Element type -> most numbers of a window, so that their sum fits int32."""


def types_are_supported(call: Call) -> str | None:
    """Input and output are both float32 or, but for L2_POOL_2D, both int8, uint8 or int16."""
    return not_both_of(call, "float32", *(() if call.op.name == "L2_POOL_2D" else MOST_TAPS))


def input_is_images(call: Call) -> str | None:
    """The input has 4 dimensions: batches, rows, columns, channels."""
    tensor = call.input(0)
    return None if len(tensor.shape) == 4 and min(tensor.shape) > 0 else describe(tensor)


def window_fits(call: Call) -> str | None:
    """Padding is SAME or VALID, the window fits; sizes and strides are from 1 to 2**28."""
    return misfit(call, *_sizes(call))


def sum_fits(call: Call) -> str | None:
    """An average's window covers at most 2**23 numbers of 8 bits, 2**16 - 1 of int16."""
    image, taps = _sizes(call)
    count = prod(map(min, image, taps))
    limit = MOST_TAPS.get(call.output.dtype, count)
    return None if count <= limit or call.op.name == "MAX_POOL_2D" else str(count)


CONSTRAINTS = (
    types_are_supported,
    input_is_images,
    quantized_per_tensor,
    activation_is_known,
    window_fits,
    sum_fits,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape, with the positions of the window in place of rows and columns."""
    batches, _, _, channels = call.input(0).shape
    return ((batches, *places(call, *_sizes(call)), channels),)


def _sizes(call: Call) -> tuple[Size, Size]:
    """Return rows and columns of the input and of the window."""
    options, (_, rows, columns, _) = call.op.options, call.input(0).shape
    return (rows, columns), (options["filter_height"], options["filter_width"])


def lower(call: Call) -> Kernel:
    """Return the kernel of the op and the element type.

    Source: reference/pooling.h and reference/integer_ops/pooling.h in
    tensorflow/lite/kernels/internal; where XNNPACK rounds bounds, src/subgraph/max-pooling-2d.c.
    """
    dtype, kind = call.output.dtype, call.op.name.partition("_")[0].lower()
    params = {
        **images(call.input(0), call.output),
        **window(call, *_sizes(call)),
        **_bounds(call),
    }
    rounding = "_once" if kind == "average" and dtype != "float32" else ""
    return Kernel(f"pool_{kind}_{dtype}{rounding}", params, (0,), rows="batches", bands=True)


def _bounds(call: Call) -> dict[str, int]:
    if call.output.dtype == "float32":
        return float32_bounds(call)
    delegated = call.op.name == "MAX_POOL_2D" and call.output.dtype != "int16"
    if call.rounding == "xnnpack" and delegated:
        return xnnpack_bounds(call)
    return quantized_bounds(call)
