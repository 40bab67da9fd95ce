"""Windows that move over the rows and columns of an image: those of convolutions and pools."""

from __future__ import annotations

from edge_runtime.ops.call import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Tensor

SAME, VALID = range(2)
"""Enum Padding of the schema."""

PADS = "pads"
"""Option that a pass of the planner adds, in place of the padding: rows above and below, columns on
the left and on the right."""

REACH = 2**28
"""Most rows or columns of an image or a window, and the longest stride and dilation: no sum of
these leaves int32."""


Size = tuple[int, int]
"""Rows and columns."""


def misfit(call: Call, image: Size, taps: Size) -> str | None:
    """Describe a window that has no position, or that is beyond REACH; None of all others.

    Args:
        call: its options are padding and strides, and dilations if it has any.
        image: size of what the window moves over.
        taps: size of the window.
    """
    padding = call.op.options["padding"]
    for axis, (size, count) in enumerate(zip(image, taps, strict=True)):
        stride, dilation = _steps(call, axis)
        length = (count - 1) * dilation + 1
        numbers = size, count, stride, dilation, length
        fits = min(numbers) > 0 and max(numbers) <= REACH
        if not fits or padding not in (SAME, VALID) or _along(call, axis, size, count)[0] < 1:
            kind = {SAME: "SAME", VALID: "VALID"}.get(padding, f"padding {padding}")
            return f"{kind}, stride {stride}, dilation {dilation}, {count} taps on {size}"
    return None


def sizes(call: Call) -> tuple[Size, Size]:
    """Return rows and columns of the input and of the window of a convolution."""
    (_, height, width, _), (_, rows, columns, _) = call.input(0).shape, call.input(1).shape
    return (height, width), (rows, columns)


def window_fits(call: Call) -> str | None:
    """Padding is SAME or VALID, the window fits; sizes, strides, dilations are from 1 to 2**28."""
    return misfit(call, *sizes(call))


def places(call: Call, image: Size, taps: Size) -> Size:
    """Return how many positions a window has along rows and columns; arguments as of ``misfit``."""
    rows, columns = (_along(call, axis, image[axis], taps[axis])[0] for axis in (0, 1))
    return rows, columns


def images(tensor: Tensor, output: Tensor) -> dict[str, int]:
    """Return the parameters of an input and an output of [batches, rows, columns, channels]."""
    names = "batches", "height", "width", "channels"
    rows, columns = output.shape[1:3]
    sizes = dict(zip(names, tensor.shape, strict=True))
    return {**sizes, "output_height": rows, "output_width": columns}


def window(call: Call, image: Size, taps: Size) -> dict[str, int]:
    """Return the parameters of a window; arguments as of ``misfit``.

    Returns:
        Its size, strides, dilations if the op has them, and the padding above and on the left.
    """
    options = call.op.options
    steps = ("stride_h", "stride_w", "dilation_h", "dilation_w")
    return {
        "window_height": taps[0],
        "window_width": taps[1],
        **{name: options[name] for name in steps if name in options},
        "top": _along(call, 0, image[0], taps[0])[1],
        "left": _along(call, 1, image[1], taps[1])[1],
    }


def _steps(call: Call, axis: int) -> tuple[int, int]:
    """Return stride and dilation along rows (0) or columns (1)."""
    options, name = call.op.options, "hw"[axis]
    return options[f"stride_{name}"], options.get(f"dilation_{name}", 1)


def _along(call: Call, axis: int, size: int, taps: int) -> tuple[int, int]:
    """Return positions and the padding before, along rows (0) or columns (1).

    There is no position where the window is too long. Of the padding SAME the smaller half is
    before.

    Source: ComputeOutSize and ComputePaddingWithOffset in tensorflow/lite/kernels/padding.h.
    """
    options, (stride, dilation) = call.op.options, _steps(call, axis)
    length = (taps - 1) * dilation + 1
    if PADS not in options and options["padding"] == SAME:
        count = -(-size // stride)
        return count, max((count - 1) * stride + length - size, 0) // 2
    before, after = options[PADS][2 * axis : 2 * axis + 2] if PADS in options else (0, 0)
    return (before + size + after - length) // stride + 1, before
