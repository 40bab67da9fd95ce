"""Windows that move over the rows and columns of an image: those of convolutions and pools."""

from __future__ import annotations

from edge_runtime.ops.call import Call

SAME, VALID = range(2)
"""Enum Padding of the schema."""

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
    for size, taps, axis in zip(call.input(0).shape[1:3], (height, width), "hw", strict=True):
        stride, dilation = options[f"stride_{axis}"], options.get(f"dilation_{axis}", 1)
        length = (taps - 1) * dilation + 1
        fits = all(0 < number <= REACH for number in (size, taps, stride, dilation, length))
        if not (
            fits
            and padding in (SAME, VALID)
            and positions(padding, size, taps, stride, dilation) > 0
        ):
            kind = {SAME: "SAME", VALID: "VALID"}.get(padding, f"padding {padding}")
            return f"{kind}, stride {stride}, dilation {dilation}, {taps} taps on {size}"
    return None


def window(call: Call, height: int, width: int) -> dict[str, int]:
    """Return the window of an op whose options have padding and strides, maybe dilation.

    Args:
        call: its input 0 is [batches, height, width, channels].
        height: rows of the window.
        width: columns of the window.

    Returns:
        Its size, strides, dilation, and the padding above and on the left.
    """
    options = call.op.options
    _, rows, columns, _ = call.input(0).shape
    stride_h, stride_w = options["stride_h"], options["stride_w"]
    dilation_h, dilation_w = options.get("dilation_h", 1), options.get("dilation_w", 1)
    return {
        "window_height": height,
        "window_width": width,
        "stride_h": stride_h,
        "stride_w": stride_w,
        "dilation_h": dilation_h,
        "dilation_w": dilation_w,
        "top": _before(options["padding"], rows, height, stride_h, dilation_h),
        "left": _before(options["padding"], columns, width, stride_w, dilation_w),
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


def _before(padding: int, size: int, taps: int, stride: int, dilation: int) -> int:
    """Return the padding before a dimension: half of all, the smaller half.

    Source: ComputePaddingWithOffset in tensorflow/lite/kernels/padding.h.
    """
    length = (taps - 1) * dilation + 1
    total = (positions(padding, size, taps, stride, dilation) - 1) * stride + length - size
    return max(total, 0) // 2
