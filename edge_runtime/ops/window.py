"""Windows that move over the rows and columns of an image: those of convolutions and pools."""

from __future__ import annotations

from edge_runtime.ops.call import Call

SAME, VALID = range(2)
"""Enum Padding of the schema."""

PADS = "pads"
"""Option that a pass of the planner adds, in place of the padding: rows above and below, columns on
the left and on the right."""

REACH = 2**28
"""Most rows or columns of an image or a window, and the longest stride and dilation: no sum of
these leaves int32."""


def misfit(call: Call, height: int, width: int) -> str | None:
    """Describe a window that has no position, or that is beyond REACH; None of all others.

    Args:
        call: its input 0 is [batches, height, width, channels]; its options as of ``window``.
        height: rows of the window.
        width: columns of the window.
    """
    options = call.op.options
    padding = options["padding"]
    for axis, taps in enumerate((height, width)):
        size = call.input(0).shape[1 + axis]
        stride, dilation = _steps(call, axis)
        length = (taps - 1) * dilation + 1
        fits = all(0 < number <= REACH for number in (size, taps, stride, dilation, length))
        if not fits or padding not in (SAME, VALID) or _along(call, axis, taps)[0] < 1:
            kind = {SAME: "SAME", VALID: "VALID"}.get(padding, f"padding {padding}")
            return f"{kind}, stride {stride}, dilation {dilation}, {taps} taps on {size}"
    return None


def places(call: Call, height: int, width: int) -> tuple[int, int]:
    """Return how many positions a window has along rows and columns; arguments as of ``window``."""
    return _along(call, 0, height)[0], _along(call, 1, width)[0]


def window(call: Call, height: int, width: int) -> dict[str, int]:
    """Return the window of an op whose options have padding and strides, maybe dilation.

    Args:
        call: its input 0 is [batches, height, width, channels].
        height: rows of the window.
        width: columns of the window.

    Returns:
        Its size, strides, dilation, and the padding above and on the left.
    """
    (stride_h, dilation_h), (stride_w, dilation_w) = _steps(call, 0), _steps(call, 1)
    return {
        "window_height": height,
        "window_width": width,
        "stride_h": stride_h,
        "stride_w": stride_w,
        "dilation_h": dilation_h,
        "dilation_w": dilation_w,
        "top": _along(call, 0, height)[1],
        "left": _along(call, 1, width)[1],
    }


def positions(padding: int, size: int, taps: int, stride: int, dilation: int = 1) -> int:
    """Return how many positions a window has along a dimension; not positive where it is too long.

    Source: ComputeOutSize in tensorflow/lite/kernels/padding.h.

    Args:
        padding: SAME or VALID.
        size: of the dimension.
        taps: of the window along it.
        stride: between two positions.
        dilation: between two taps.
    """
    if padding == SAME:
        return (size + stride - 1) // stride
    return (size + stride - 1 - (taps - 1) * dilation) // stride


def padding_before(padding: int, size: int, taps: int, stride: int, dilation: int = 1) -> int:
    """Return the padding before a dimension: half of all, the smaller half; as ``positions``.

    Source: ComputePaddingWithOffset in tensorflow/lite/kernels/padding.h.
    """
    length = (taps - 1) * dilation + 1
    total = (positions(padding, size, taps, stride, dilation) - 1) * stride + length - size
    return max(total, 0) // 2


def _steps(call: Call, axis: int) -> tuple[int, int]:
    """Return stride and dilation along rows (0) or columns (1)."""
    options, name = call.op.options, "hw"[axis]
    return options[f"stride_{name}"], options.get(f"dilation_{name}", 1)


def _along(call: Call, axis: int, taps: int) -> tuple[int, int]:
    """Return positions and the padding before, along rows (0) or columns (1)."""
    options, size = call.op.options, call.input(0).shape[1 + axis]
    stride, dilation = _steps(call, axis)
    padding = options["padding"]
    if PADS in options:
        before, after = options[PADS][2 * axis : 2 * axis + 2]
        return positions(VALID, before + size + after, taps, stride, dilation), before
    return (
        positions(padding, size, taps, stride, dilation),
        padding_before(padding, size, taps, stride, dilation),
    )
