"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: every so many rows and columns as a small image."""

from __future__ import annotations

from math import prod

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import LIMITS, describe, other_scale, pairs, whole_number
from edge_runtime.ops.positions import MOST_POSITIONS, indexed_copy
from edge_runtime.ops.strides import strides


def types_and_scales_are_the_same(call: Call) -> str | None:
    """Input and output have the same element type, scale and zero point, int16 the zero point 0."""
    tensor, output = call.input(0), call.output
    same = tensor.dtype == output.dtype and not other_scale(tensor, output)
    if same and (output.dtype != "int16" or not output.zero_point):
        return None
    return f"{tensor.dtype} {tensor.quantization} and {output.dtype} {output.quantization}"


def input_is_images(call: Call) -> str | None:
    """The input has 3 or 4 dimensions."""
    return None if len(call.input(0).shape) in (3, 4) else describe(call.input(0))


def blocks_are_known(call: Call) -> str | None:
    """Blocks, and paddings or crops, are constant and fit the dimensions between the outer ones."""
    shape, count = call.input(0).shape, len(call.input(0).shape) - 2
    blocks, edges = whole_number(call.input(1)), whole_number(call.input(2))
    if blocks is None or edges is None or len(blocks) != count or len(edges) != 2 * count:
        return f"{describe(call.input(1))} and {describe(call.input(2))}"
    if min(blocks) > 0 and min(edges) >= 0:
        padded = [size + sum(pair) for size, pair in zip(shape[1:-1], _edges(call), strict=True)]
        rests = [size % block for size, block in zip(padded, blocks, strict=True)]
        if shape[0] % prod(blocks) == 0 if _to_space(call) else not any(rests):
            return None
    return f"{list(blocks)} and {list(edges)} of {describe(call.input(0))}"


def output_is_not_empty(call: Call) -> str | None:
    """The output is not empty; it and the input have at most 2**18 images, rows and columns."""
    shape, source = shapes(call)[0][:-1], call.input(0).shape[:-1]
    few = max(sum(shape), sum(source)) <= MOST_POSITIONS
    return None if min(shape) > 0 and few else f"{list(source)} to {list(shape)}"


CONSTRAINTS = (
    types_and_scales_are_the_same,
    input_is_images,
    blocks_are_known,
    output_is_not_empty,
)


def _to_space(call: Call) -> bool:
    return call.op.name == "BATCH_TO_SPACE_ND"


def _blocks(call: Call) -> tuple[int, ...]:
    return whole_number(call.input(1)) or ()


def _edges(call: Call) -> list[tuple[int, int]]:
    """Return what is added or cut before and after each dimension between the outer ones."""
    return pairs(call.input(2))


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the shape of more, smaller images, or of fewer, larger ones."""
    (batch, *sizes, channels), blocks = call.input(0).shape, _blocks(call)
    edges = [sum(pair) for pair in _edges(call)]
    spaces = zip(sizes, blocks, edges, strict=True)
    if _to_space(call):
        larger = (size * block - edge for size, block, edge in spaces)
        return ((batch // prod(blocks), *larger, channels),)
    smaller = ((size + edge) // block for size, block, edge in spaces)
    return ((batch * prod(blocks), *smaller, channels),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type.

    Positions are those among the many small images. Padding is the zero point.

    Source: tensorflow/lite/kernels/internal/reference/space_to_batch_nd.h, batch_to_space_nd.h.
    """
    large, small = (call.output, call.input(0)) if _to_space(call) else (call.input(0), call.output)
    image, *steps, _ = strides(small.shape)
    blocks, batch = _blocks(call), large.shape[0]
    axes = [[at * image for at in range(batch)]]
    for axis, (block, (before, _)) in enumerate(zip(blocks, _edges(call), strict=True)):
        # The number of a small image: row of the block, column, image.
        images = prod(blocks[axis + 1 :]) * batch * image
        places = range(before, before + large.shape[1 + axis])
        axes.append([at % block * images + at // block * steps[axis] for at in places])
    if _to_space(call):
        return indexed_copy(call, axes)
    fill = (call.output.zero_point or 0) if call.output.dtype in LIMITS else 0
    return indexed_copy(call, axes, fill=fill)
