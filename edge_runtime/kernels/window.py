"""The taps of a window, at all positions at once; in C, for one position, window.h."""

from __future__ import annotations


def inside(start: int, stride: int, size: int, count: int) -> tuple[slice, slice]:
    """Return the positions at which a tap lies inside of the image, and where it lies there.

    Args:
        start: where it lies at position 0.
        stride: between two positions.
        size: of the image.
        count: of positions.
    """
    first = max(0, -(start // stride))
    end = max(first, min(count, (size - 1 - start) // stride + 1))
    return slice(first, end), slice(start + first * stride, start + end * stride, stride)
