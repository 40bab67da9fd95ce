"""Any picture to the pixels of a model's input, with Pillow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import InputError
from edge_runtime.metadata import FRAMINGS, GROUNDS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import PIL.Image

    Pixels = npt.NDArray[np.uint8]
    Source = str | os.PathLike[str] | PIL.Image.Image | npt.NDArray[Any]

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Formats of image files, by Pillow's names; PPM is all of PNM. Pillow has forty more decoders,
which are less tested, and starts Ghostscript for EPS."""

MOST_PIXELS = 1 << 26
"""Most pixels of an image file, 67 million: a file of 1 MB can claim to have billions. To use a
larger file, or another format, open it with Pillow and pass the Pillow image."""

TOPS = (255, 1023, 4095, 16383, 65535)
"""Largest values of pixels of 8, 10, 12, 14 and 16 bits, which cameras store in 16."""

SOLID = {"white": 255, "black": 0}
"""Those of GROUNDS that are one level for all pictures."""

BAND = 1 << 18
"""Pixels that are processed at once where that needs more memory than the picture."""

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
        pixels: uint8 [height, width, channels], not yet normalised.
        inverted: whether dark and light were swapped.
        dropped: what the preparation lost that may matter: "transparency", "colour" (made grey),
            "detail" (a side reduced to less than a quarter), "aspect ratio" (changed by more than
            2 %), "edges" (more than 2 % of a side cropped). Digit framing keeps only the ink and
            reports only the first two.
    """

    pixels: Pixels
    inverted: bool
    dropped: tuple[str, ...] = ()


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

    EXIF orientation is applied; 16-bit and float images become 8-bit. A file is one of FORMATS,
    with at most MOST_PIXELS and one frame; a PIL image may have been opened from any file.

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
    import numpy as np

    if framing not in FRAMINGS:
        raise ValueError(f"no framing {framing!r}: there are {', '.join(FRAMINGS)}")
    if ground not in GROUNDS:
        raise ValueError(f"no ground {ground!r}: there are {', '.join(GROUNDS)}")
    try:
        read = _read(image)
        pixels = _opaque(read, ground)
        if framing == "digit":
            framed, inverted = _digit(pixels, height, width, invert)
        else:
            inverted = bool(invert)
            framed = _scale(_grey(pixels) if channels == 1 else pixels, height, width, framing)
            if inverted:
                framed = ~framed
            if framing == "letterbox":
                framed = _pad(framed, height, width)
    except InputError as error:
        if isinstance(image, str | os.PathLike):
            raise InputError(f"{os.fspath(image)}: {error}") from error
        raise
    dropped = _dropped(read, pixels, height, width, framing, framed.ndim == 2)
    if framed.ndim == 2:
        framed = np.repeat(framed[:, :, None], channels, axis=2)
    return Prepared(framed, inverted, dropped)


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
    pixels = _read(image)
    height, width = pixels.shape[:2]
    return Look(height, width, pixels.ndim == 3 and _coloured(pixels[:, :, :3]))


def _read(image: Source) -> Pixels:
    """Return an image as uint8 [h, w], [h, w, 3] or [h, w, 4]."""
    import numpy as np

    if isinstance(image, np.ndarray):
        return _eight_bit(image)

    import PIL.Image
    from PIL.ImageOps import exif_transpose

    try:
        if isinstance(image, PIL.Image.Image):
            return _decode(exif_transpose(image))
        with PIL.Image.open(image, formats=FORMATS) as file:
            _require_harmless(file)
            exif_transpose(file, in_place=True)
            return _decode(file)
    except InputError:
        raise
    except PIL.UnidentifiedImageError:
        raise InputError(
            f"it is not an image that Pillow can read as one of {', '.join(FORMATS)}"
        ) from None
    except PIL.Image.DecompressionBombError:
        raise InputError(_TOO_MANY.format("more pixels than Pillow reads")) from None
    # Pillow's decoders raise exceptions of many types for damaged files.
    except Exception as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"the image cannot be read: {reason}") from error


_TOO_MANY = f"it has {{}}: {MOST_PIXELS:,} pixels are the limit of a file"


def _require_harmless(file: PIL.Image.Image) -> None:
    """Raise if a file, not decoded yet, is too large or has several frames."""
    if file.width * file.height > MOST_PIXELS:
        raise InputError(_TOO_MANY.format(f"{file.width}×{file.height} pixels"))
    # The further pictures of an MPO, a JPEG of phones, are the first one for other screens.
    if getattr(file, "is_animated", False) and file.format != "MPO":
        raise InputError("it has several frames or pages: save the one to use as a separate file")


def _decode(image: PIL.Image.Image) -> Pixels:
    """Return an upright PIL image of any mode as uint8 [h, w], [h, w, 3] or [h, w, 4]."""
    import numpy as np

    if image.mode == "F" or image.mode.startswith("I"):
        return _eight_bit(np.asarray(image))
    mode = "L" if image.mode in ("1", "L") else "RGB"
    if image.has_transparency_data:
        mode = "RGBA"
    return np.asarray(image if image.mode == mode else image.convert(mode))


def _eight_bit(array: npt.NDArray[Any]) -> Pixels:
    """Return an image array of any element type as uint8 [h, w], [h, w, 3] or [h, w, 4]."""
    import numpy as np

    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not array.size or (array.ndim != 2 and (array.ndim != 3 or array.shape[2] not in (3, 4))):
        raise InputError(f"expected an image [h, w] or [h, w, 1, 3 or 4], got {list(array.shape)}")
    kind = array.dtype.kind
    if array.dtype == np.uint8:
        return array
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if kind not in "iuf":
        raise InputError(f"expected an image of bool, integers or floats, got {array.dtype}")
    low, high = float(array.min()), float(array.max())
    if kind == "f":
        top = 1 if high <= 1 else 255
    else:
        top = next((top for top in TOPS if high <= top), TOPS[-1])
    if not (low >= 0 and high <= top):
        raise InputError(f"pixels from {low:g} to {high:g} are not in the range 0 to {top}")
    return np.rint(array * (255 / top)).astype(np.uint8)


def _opaque(pixels: Pixels, ground: str) -> Pixels:
    """Return [h, w] or [h, w, 3] as it is, and [h, w, 4] laid on a ground."""
    import numpy as np

    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return pixels
    level = SOLID[ground] if ground in SOLID else _contrast(pixels)
    return np.concatenate([_laid_on(np.uint16(level), band) for band in _bands(pixels)])


def _contrast(pixels: Pixels) -> int:
    """Return white for dark content of [h, w, 4] and black for light content.

    Drawings on a transparent ground are mostly ink, so their mean shows whether that is dark.
    """
    import numpy as np

    weighed = sum(
        int(np.vdot(_grey(band[:, :, :3]).astype(np.int64), band[:, :, 3]))
        for band in _bands(pixels)
    )
    total = int(pixels[:, :, 3].sum(dtype=np.int64))
    return 255 if not total or weighed < 128 * total else 0


def _laid_on(ground: np.uint16, pixels: Pixels) -> Pixels:
    import numpy as np

    colour, alpha = pixels[:, :, :3], pixels[:, :, 3:].astype(np.uint16)
    return ((colour * alpha + ground * (255 - alpha) + 127) // 255).astype(np.uint8)


def _grey(pixels: Pixels) -> Pixels:
    """Return [h, w] as it is, and the luma of [h, w, 3]: ITU-R BT.601, rounded as Pillow does."""
    import numpy as np

    if pixels.ndim == 2:
        return pixels
    weights = np.array([19595, 38470, 7471], np.uint32)
    luma = [((band @ weights + 0x8000) >> 16).astype(np.uint8) for band in _bands(pixels)]
    return np.concatenate(luma)


def _bands(pixels: Pixels) -> list[Pixels]:
    """Return an image [h, w, ...] in bands of rows, so that intermediate results stay small."""
    rows = max(1, BAND // pixels.shape[1])
    return [pixels[top : top + rows] for top in range(0, len(pixels), rows)]


def _digit(pixels: Pixels, height: int, width: int, invert: bool | None) -> tuple[Pixels, bool]:
    """Return the digit framed as in MNIST [height, width], and whether it was inverted."""
    from edge_runtime.digit import find, fit, framed

    luma = _grey(pixels)
    if luma.shape == (height, width) and (done := framed(luma, invert)):
        return done
    ink = find(pixels, luma)
    if invert in (None, ink.dark):
        return fit(ink, height, width), ink.dark
    return _frame(~luma if invert else luma, height, width), bool(invert)


def _frame(light: Pixels, height: int, width: int) -> Pixels:
    """Frame light ink on an even ground, which is the darkest level of the image."""
    import numpy as np

    from edge_runtime.digit import INK, Ink, fit

    amount = (light - light.min()).astype(np.float32)
    return fit(Ink(amount, amount > INK * amount.max(), dark=False), height, width)


def _scale(pixels: Pixels, height: int, width: int, framing: str) -> Pixels:
    """Scale the image, antialiased: to the size, its middle to the size, or to fit in the size."""
    from edge_runtime.resampling import resized

    rows, columns = pixels.shape[:2]
    if framing == "centre-crop":
        h, w = fitting(height, width, rows, columns)
        top, left = (rows - h) // 2, (columns - w) // 2
        pixels = pixels[top : top + h, left : left + w]
    elif framing == "letterbox":
        height, width = fitting(rows, columns, height, width)
    if pixels.shape[:2] == (height, width):
        return pixels
    return resized(pixels, height, width)


def fitting(rows: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """Return rows and columns, scaled alike to fit just in height and width."""
    scale = min(height / rows, width / columns)
    return (
        min(height, max(1, round(rows * scale))),
        min(width, max(1, round(columns * scale))),
    )


def _pad(pixels: Pixels, height: int, width: int) -> Pixels:
    """Put an image in the middle of a black one."""
    import numpy as np

    field = np.zeros((height, width, *pixels.shape[2:]), np.uint8)
    top, left = (height - pixels.shape[0]) // 2, (width - pixels.shape[1]) // 2
    field[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return field


def _dropped(
    read: Pixels, pixels: Pixels, height: int, width: int, framing: str, grey: bool
) -> tuple[str, ...]:
    """Return what the preparation dropped; see :class:`Prepared`.

    Args:
        read: the image as it was read.
        pixels: the image without transparency.
        height: height of the result.
        width: width of the result.
        framing: the framing.
        grey: whether the result is grey.
    """
    rows, columns = pixels.shape[:2]
    dropped = []
    if read is not pixels and read[:, :, 3].min() < 255:
        dropped.append("transparency")
    if grey and pixels.ndim == 3 and _coloured(pixels):
        dropped.append("colour")
    if framing == "digit":
        return tuple(dropped)
    down, across = rows / height, columns / width
    least, most = sorted((down, across))
    if {"resize": most, "centre-crop": least, "letterbox": most}[framing] > DETAIL:
        dropped.append("detail")
    if framing == "resize" and most / least > 1 + TOLERANCE:
        dropped.append("aspect ratio")
    if framing == "centre-crop" and least / most < 1 - TOLERANCE:
        dropped.append("edges")
    return tuple(dropped)


def _coloured(pixels: Pixels) -> bool:
    """Return whether a sample of [h, w, 3] has colours, and is not grey stored as RGB."""
    import numpy as np

    rows, columns = (max(1, side // 128) for side in pixels.shape[:2])
    sample = pixels[::rows, ::columns].astype(np.int16)
    return bool((np.ptp(sample, axis=2) > COLOUR).mean() > COLOURED)
