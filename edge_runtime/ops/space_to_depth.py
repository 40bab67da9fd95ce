"""SPACE_TO_DEPTH and DEPTH_TO_SPACE: blocks of an image as the channels of one pixel, and back."""

from __future__ import annotations

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, same_type
from edge_runtime.ops.strides import strided_copy


def input_is_images(call: Call) -> str | None:
    """The input has 4 dimensions."""
    return None if len(call.input(0).shape) == 4 else describe(call.input(0))


def blocks_fit(call: Call) -> str | None:
    """The block size divides height and width, or, of DEPTH_TO_SPACE, its square the channels."""
    size = call.op.options["block_size"]
    _, height, width, channels = call.input(0).shape
    if size > 0:
        rests = (channels % size**2,) if _to_space(call) else (height % size, width % size)
        if not any(rests):
            return None
    return f"{size} of {describe(call.input(0))}"


CONSTRAINTS = (same_type, input_is_images, blocks_fit)


def _to_space(call: Call) -> bool:
    return call.op.name == "DEPTH_TO_SPACE"


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the shape of the images of smaller or larger pixels."""
    size = call.op.options["block_size"]
    count, height, width, channels = call.input(0).shape
    if _to_space(call):
        return ((count, height * size, width * size, channels // size**2),)
    return ((count, height // size, width // size, channels * size**2),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    size = call.op.options["block_size"]
    count, height, width, channels = call.input(0).shape
    image, line = height * width * channels, width * channels
    if _to_space(call):
        rest = channels // size**2
        rows, columns = (height, line), (width, channels)
        loops = [rows, (size, size * rest), columns, (size, rest), (rest, 1)]
    else:
        rows, columns = (height // size, size * line), (width // size, size * channels)
        loops = [rows, columns, (size, line), (size, channels), (channels, 1)]
    return strided_copy(call, [(count, image), *loops])
