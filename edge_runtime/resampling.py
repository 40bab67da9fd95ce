"""Resizing a picture by integers, as Pillow does it: the taps of each row and column.

Pillow calculates weights in double precision, rounds them to PRECISION bits, and sums bytes by
integers: first along the rows, then along the columns, each sum rounded to a byte. With the same
weights any machine gets the same bytes. Source: Pillow, src/libImaging/Resample.c.
"""

from __future__ import annotations

from math import cos, pi, sin

from edge_runtime.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import PIL.Image

PRECISION = 22
"""Fractional bits of a weight: 32 less 8 of the byte, and 2 for overshoot."""

COSINE = (0.5400000214576721, 0.46000000834465027)
"""0.54 and 0.46 as float32, which Pillow's source has."""


@record
class Taps:
    """What an element of the result is the weighted mean of.

    Attributes:
        first: index of the first source element.
        weights: the weight of it and of those that follow, in 2**-PRECISION.
    """

    first: int
    weights: tuple[int, ...]


def resized(picture: PIL.Image.Image, height: int, width: int) -> PIL.Image.Image:
    """Resize a picture of the mode L, RGB or F with Pillow.

    Rows first: releases of Pillow that resize both at once disagree on the order, and so on the
    last bit.
    """
    from PIL.Image import Resampling

    across = picture.resize((width, picture.height), Resampling.HAMMING)
    return across.resize((width, height), Resampling.HAMMING)


def taps(source: int, size: int) -> tuple[Taps, ...]:
    """Return the taps of each of ``size`` elements, from ``source`` of them.

    They are what :func:`resized` calculates bytes with: Pillow's HAMMING.
    """
    if source == size:
        return tuple(Taps(i, (1 << PRECISION,)) for i in range(size))
    scale = source / size
    # Enlarging interpolates between neighbours; reducing averages all that an element covers.
    support = max(scale, 1.0)
    found = []
    for i in range(size):
        centre = (i + 0.5) * scale
        first = max(0, int(centre - support + 0.5))
        last = min(source, int(centre + support + 0.5))
        weights = [_hamming((j - centre + 0.5) / support) for j in range(first, last)]
        total = sum(weights)
        found.append(Taps(first, tuple(_rounded(weight / total) for weight in weights)))
    return tuple(found)


def longest(each: tuple[Taps, ...]) -> int:
    """Return the largest number of weights."""
    return max(len(one.weights) for one in each)


def _rounded(weight: float) -> int:
    return int(weight * (1 << PRECISION) + (0.5 if weight >= 0 else -0.5))


def _hamming(x: float) -> float:
    """Return Pillow's Hamming-windowed sinc, of a support of 1."""
    x = abs(x)
    if x == 0:
        return 1.0
    if x >= 1:
        return 0.0
    x *= pi
    return sin(x) / x * (COSINE[0] + COSINE[1] * cos(x))
