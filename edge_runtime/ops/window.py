"""Windows that move over the rows and columns of an image: those of convolutions and pools."""

from __future__ import annotations

from edge_runtime.ops.call import Call

SAME, VALID = range(2)
"""Enum Padding of the schema."""


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
        "top": padding_before(options["padding"], rows, height, stride_h, dilation_h),
        "left": padding_before(options["padding"], columns, width, stride_w, dilation_w),
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
    """Return the padding before a dimension: half of all, the smaller half.

    Source: ComputePaddingWithOffset in tensorflow/lite/kernels/padding.h.
    """
    length = (taps - 1) * dilation + 1
    total = (positions(padding, size, taps, stride, dilation) - 1) * stride + length - size
    return max(total, 0) // 2
