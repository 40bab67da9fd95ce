"""Any picture to the pixels of a model's input, with Pillow, which calculates in whole numbers.

NumPy is imported for arrays alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import isqrt, prod
from typing import TYPE_CHECKING

from edge_runtime.errors import InputError
from edge_runtime.metadata import FRAMINGS, GROUNDS
from edge_runtime.picture import read

if TYPE_CHECKING:
    from edge_runtime.picture import Picture, Pixels, Source

SOLID = {"white": 255, "black": 0}
"""Those of GROUNDS that are one level for all pictures."""

COLOUR = 24
"""Difference between the channels from which a pixel is coloured, in grey levels; JPEG's chroma
noise on grey has less."""

COLOURED = 0.005
"""Share of coloured pixels from which a picture is coloured: a digit in ink on a page has more."""

DETAIL = 4
"""Reduction of a side from which the loss of detail may matter: 1 pixel for 16."""

TOLERANCE = 0.02
"""Change of the aspect ratio, or share of a side that is cropped, which is not reported."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image in the form of the model's input.

    Attributes:
        content: the pixels, uint8, row by row, not yet normalised.
        shape: [height, width, channels] of the pixels.
        inverted: whether dark and light were swapped.
        dropped: what the preparation lost that may matter: "transparency", "colour" (made grey),
            "detail" (a side reduced to less than a quarter), "aspect ratio" (changed by more than
            2 %), "edges" (more than 2 % of a side cropped). Digit framing keeps only the ink and
            reports only the first two.
    """

    content: bytes
    shape: tuple[int, ...]
    inverted: bool
    dropped: tuple[str, ...] = ()

    @property
    def pixels(self) -> Pixels:
        """The pixels as an array of NumPy, uint8 [height, width, channels]."""
        import numpy as np

        return np.frombuffer(self.content, np.uint8).reshape(self.shape)


def size_of(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Return height, width and channels of an input of ``shape``; None if it is no image."""
    match shape:
        case (size,) if (side := isqrt(size)) ** 2 == size:
            return side, side, 1
        case (height, width):
            return height, width, 1
        case (height, width, (1 | 3) as channels):
            return height, width, channels
    return None


def prepare(
    image: Source,
    height: int,
    width: int,
    channels: int,
    framing: str,
    invert: bool | None = None,
    ground: str = GROUNDS[0],
) -> Prepared:
    """Convert an image of any size and mode to the size of a model's input.

    EXIF orientation is applied; 16-bit and float images become 8-bit. A file is one of
    ``edge_runtime.picture.FORMATS``, with at most MOST_PIXELS and one frame; a PIL image may have
    been opened from any file.

    Args:
        image: path, PIL image, or array [h, w] or [h, w, 1, 3 or 4] of bool, uint8, other integers
            (0 to the first of 255, 1023, 4095, 16383 and 65535 that no pixel exceeds) or floats (0
            to 1, or to 255).
        height: height of the result, in pixels.
        width: width of the result, in pixels.
        channels: channels of the result: 1 (grey) or 3 (RGB).
        framing: "digit" makes light ink on black, cropped and fitted into a box of 20/28 of the
            field, centred by mass, as in MNIST; see :mod:`edge_runtime.digit`. An image that has
            exactly the right size and a black or white ground is assumed to be framed already.
            "resize" scales the whole image and may change its aspect ratio; "centre-crop"
            scales the largest centred part of the right aspect ratio; "letterbox" scales the whole
            image to fit and puts it in the middle of black.
        invert: whether to swap dark and light. None: for "digit" if the ink is darker than
            the ground, otherwise never.
        ground: what shows where the image is transparent: "white", "black", or "contrasting",
            which is white behind dark content and black behind light content.

    Raises:
        InputError: the image cannot be read, is no image, or (for "digit") is blank.
        ValueError: there is no such framing or ground.
    """
    if framing not in FRAMINGS:
        raise ValueError(f"no framing {framing!r}: there are {', '.join(FRAMINGS)}")
    if ground not in GROUNDS:
        raise ValueError(f"no ground {ground!r}: there are {', '.join(GROUNDS)}")
    import PIL.Image
    import PIL.ImageChops

    try:
        source = read(image)
        picture = _opaque(source, ground)
        if framing == "digit":
            framed, inverted = _digit(picture, height, width, invert)
        else:
            inverted = bool(invert)
            framed = _scale(_grey(picture) if channels == 1 else picture, height, width, framing)
            if inverted:
                framed = PIL.ImageChops.invert(framed)
            if framing == "letterbox":
                framed = _pad(framed, height, width)
    except InputError as error:
        if isinstance(image, str | os.PathLike):
            raise InputError(f"{os.fspath(image)}: {error}") from error
        raise
    dropped = _dropped(source, picture, height, width, framing, framed.mode == "L")
    if framed.mode == "L" and channels > 1:
        framed = PIL.Image.merge("RGB", [framed] * channels)
    return Prepared(framed.tobytes(), (height, width, channels), inverted, dropped)


@dataclass(frozen=True)
class Look:
    """What an image is before it is prepared.

    Attributes:
        height: rows of pixels, with the image upright.
        width: pixels in a row.
        coloured: whether it has colours, and is not grey stored as RGB.
    """

    height: int
    width: int
    coloured: bool


def look(image: Source) -> Look:
    """Return the size of an image, and whether it is coloured.

    Args:
        image: as for :func:`prepare`.

    Raises:
        InputError: the image cannot be read, or is no image.
    """
    picture = read(image)
    return Look(picture.height, picture.width, picture.mode != "L" and _coloured(picture))


def _opaque(picture: Picture, ground: str) -> Picture:
    """Return L and RGB as they are, and RGBA laid on a ground, to the nearest level."""
    import PIL.Image

    if picture.mode != "RGBA":
        return picture
    level = SOLID[ground] if ground in SOLID else _contrast(picture)
    laid = PIL.Image.new("RGB", picture.size, (level, level, level))
    laid.paste(picture, mask=picture)
    return laid


def _contrast(picture: Picture) -> int:
    """Return white for dark content of RGBA and black for light content.

    Drawings on a transparent ground are mostly ink, so their mean shows whether that is dark.
    """
    luma, alpha = picture.convert("L"), picture.getchannel("A")
    weighed = 0
    # The sum of luma times alpha, bit by bit of alpha.
    for bit in range(8):
        mask = alpha.point([level >> bit & 1 for level in range(256)])
        weighed += _sum(luma.histogram(mask)) << bit
    total = _sum(alpha.histogram())
    return 255 if not total or weighed < 128 * total else 0


def _sum(counts: list[int]) -> int:
    """Return the sum of the levels of pixels, of which there are so many of each."""
    return sum(level * count for level, count in enumerate(counts))


def _grey(picture: Picture) -> Picture:
    """Return L as it is, and the luma of RGB: ITU-R BT.601, rounded."""
    return picture if picture.mode == "L" else picture.convert("L")


def _digit(picture: Picture, height: int, width: int, invert: bool | None) -> tuple[Picture, bool]:
    """Return the digit framed as in MNIST, [height, width], and whether it was inverted."""
    import PIL.ImageChops

    from edge_runtime.digit import find, fit, framed

    luma = _grey(picture)
    if luma.size == (width, height) and (done := framed(luma, invert)):
        return done
    ink = find(picture, luma)
    if invert in (None, ink.dark):
        return fit(ink, height, width), ink.dark
    return _frame(PIL.ImageChops.invert(luma) if invert else luma, height, width), bool(invert)


def _frame(light: Picture, height: int, width: int) -> Picture:
    """Frame light ink on an even ground, which is the darkest level of the image."""
    from edge_runtime.digit import BLANK, INK, Ink, fit
    from edge_runtime.light import extrema

    low, high = extrema(light)
    if low == high:  # ink that only its colour shows
        raise InputError(BLANK)
    amount = light.point([max(0, level - low) for level in range(256)])
    mask = amount.point([255 * (level > INK * (high - low)) for level in range(256)])
    return fit(Ink(amount, mask, dark=False), height, width)


def _scale(picture: Picture, height: int, width: int, framing: str) -> Picture:
    """Scale the image, antialiased: to the size, its middle to the size, or to fit in the size."""
    from edge_runtime.resampling import resized

    columns, rows = picture.size
    if framing == "centre-crop":
        h, w = fitting(height, width, rows, columns)
        top, left = (rows - h) // 2, (columns - w) // 2
        picture = picture.crop((left, top, left + w, top + h))
    elif framing == "letterbox":
        height, width = fitting(rows, columns, height, width)
    if picture.size == (width, height):
        return picture
    return resized(picture, height, width)


def fitting(rows: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """Return rows and columns, scaled alike to fit just in height and width."""
    scale = min(height / rows, width / columns)
    return (
        min(height, max(1, round(rows * scale))),
        min(width, max(1, round(columns * scale))),
    )


def _pad(picture: Picture, height: int, width: int) -> Picture:
    """Put an image in the middle of a black one."""
    import PIL.Image

    field = PIL.Image.new(picture.mode, (width, height))
    field.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return field


def _dropped(
    source: Picture, picture: Picture, height: int, width: int, framing: str, grey: bool
) -> tuple[str, ...]:
    """Return what the preparation dropped; see :class:`Prepared`.

    Args:
        source: the image as it was read.
        picture: the image without transparency.
        height: height of the result.
        width: width of the result.
        framing: the framing.
        grey: whether the result is grey.
    """
    dropped = []
    if source.mode == "RGBA" and source.getchannel("A").histogram()[255] < prod(source.size):
        dropped.append("transparency")
    if grey and picture.mode == "RGB" and _coloured(picture):
        dropped.append("colour")
    if framing == "digit":
        return tuple(dropped)
    down, across = picture.height / height, picture.width / width
    least, most = sorted((down, across))
    if {"resize": most, "centre-crop": least, "letterbox": most}[framing] > DETAIL:
        dropped.append("detail")
    if framing == "resize" and most / least > 1 + TOLERANCE:
        dropped.append("aspect ratio")
    if framing == "centre-crop" and least / most < 1 - TOLERANCE:
        dropped.append("edges")
    return tuple(dropped)


def _coloured(picture: Picture) -> bool:
    """Return whether a sample of RGB or RGBA has colours, and is not grey stored as RGB."""
    from PIL.Image import Transform
    from PIL.ImageChops import darker, lighter, subtract

    # Every so many columns and rows, from the first: the middle of pixel i is i * step + 0.5.
    across, down = (max(1, side // 128) for side in picture.size)
    size = -(-picture.width // across), -(-picture.height // down)
    matrix = (across, 0, 0.5 - across / 2, 0, down, 0.5 - down / 2)
    red, green, blue = picture.transform(size, Transform.AFFINE, matrix).split()[:3]
    most, least = (of(of(red, green), blue) for of in (lighter, darker))
    counts = subtract(most, least).histogram()
    return sum(counts[COLOUR + 1 :]) / prod(size) > COLOURED
