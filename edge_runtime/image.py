"""From any picture to the pixels that a model takes. The only module that knows Pillow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import PIL.Image

    Pixels = npt.NDArray[np.uint8]
    Source = str | os.PathLike[str] | PIL.Image.Image | npt.NDArray[Any]

BOX = 20 / 28
"""MNIST's longest side of a digit in its field. Source: http://yann.lecun.com/exdb/mnist/: "fit in
a 20x20 pixel box while preserving their aspect ratio", then centred by mass in 28x28."""

LEAST_CONTRAST = 32
"""Grey levels between ink and ground below which an image counts as blank; JPEG noise has fewer."""

INK = 0.25
"""Share of the darkest ink from which a pixel counts as ink when the digit is cropped."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image as the model takes it.

    Attributes:
        pixels: uint8 [height, width, channels], not yet normalised.
        inverted: whether dark and light have changed places.
    """

    pixels: Pixels
    inverted: bool
    dropped: tuple[str, ...] = ()


def prepare(
    image: Source,
    height: int,
    width: int,
    channels: int,
    framing: str,
    invert: bool | None = None,
) -> Prepared:
    """Bring an image of any size and mode to the size that a model takes.

    EXIF orientation is applied; 16-bit and float images become 8-bit; what is transparent becomes
    white behind dark content and black behind light content.

    Args:
        image: path, PIL image, or array [h, w] or [h, w, 1, 3 or 4] of bool, uint8, uint16, other
            integers (0 to 255, or to 65535) or floats (0 to 1, or to 255).
        height: of the result, in pixels.
        width: of the result, in pixels.
        channels: of the result: 1 (grey) or 3 (RGB).
        framing: "digit" makes light ink on black, cropped and fitted into a box of 20/28 of the
            field, centred by mass, as MNIST was made. An image that has exactly the right size is
            taken to be framed already. "resize" scales the whole image.
        invert: whether dark and light change places. None: for "digit" if the background (the
            median of the border) is light, for "resize" never.

    Raises:
        InputError: the image cannot be read, is no image, or (for "digit") is blank.
    """
    import numpy as np

    try:
        pixels = _opaque(_read(image))
        if framing == "digit":
            grey, inverted = _light_on_dark(_grey(pixels), invert)
            framed = grey if grey.shape == (height, width) else _frame(grey, height, width)
        else:
            inverted = bool(invert)
            framed = _resize(_grey(pixels) if channels == 1 else pixels, height, width)
            framed = ~framed if inverted else framed
    except InputError as error:
        if isinstance(image, str | os.PathLike):
            raise InputError(f"{os.fspath(image)}: {error}") from error
        raise
    if framed.ndim == 2:
        framed = np.repeat(framed[:, :, None], channels, axis=2)
    return Prepared(framed, inverted)


def _read(image: Source) -> Pixels:
    """Return an image as uint8 [h, w], [h, w, 3] or [h, w, 4]."""
    import numpy as np

    if isinstance(image, np.ndarray):
        return _eight_bit(image)

    import PIL.Image

    try:
        if isinstance(image, PIL.Image.Image):
            return _decode(image)
        with PIL.Image.open(image) as file:
            return _decode(file)
    except InputError:
        raise
    except PIL.UnidentifiedImageError:
        raise InputError("it is not an image that Pillow can read") from None
    # Pillow's decoders raise whatever they come across in a damaged file.
    except Exception as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"the image cannot be read: {reason}") from error


def _decode(image: PIL.Image.Image) -> Pixels:
    """Return a PIL image of any mode as uint8 [h, w], [h, w, 3] or [h, w, 4]."""
    import numpy as np
    from PIL.ImageOps import exif_transpose

    image = exif_transpose(image)
    if image.mode == "F" or image.mode.startswith("I"):
        return _eight_bit(np.asarray(image))
    if image.has_transparency_data:
        return np.asarray(image.convert("RGBA"))
    return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def _eight_bit(array: npt.NDArray[Any]) -> Pixels:
    """Return an image array of any element type as uint8 [h, w], [h, w, 3] or [h, w, 4]."""
    import numpy as np

    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not array.size or (array.ndim != 2 and (array.ndim != 3 or array.shape[2] not in (3, 4))):
        raise InputError(f"expected an image [h, w] or [h, w, 1, 3 or 4], got {list(array.shape)}")
    kind, size = array.dtype.kind, array.dtype.itemsize
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
        top = 255 if high <= 255 and (kind, size) != ("u", 2) else 65535
    if not (low >= 0 and high <= top):
        raise InputError(f"pixels from {low:g} to {high:g} are not in the range 0 to {top}")
    return np.rint(array * (255 / top)).astype(np.uint8)


def _opaque(pixels: Pixels) -> Pixels:
    """Return [h, w] or [h, w, 3] as it is, and [h, w, 4] laid on the ground that it stands out on.

    Drawings with a transparent ground are mostly ink, so their mean tells what ink they are in.
    """
    import numpy as np

    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return pixels
    colour, alpha = pixels[:, :, :3], pixels[:, :, 3:].astype(np.uint16)
    dark = not alpha.any() or np.average(_grey(colour), weights=alpha[:, :, 0]) < 128
    ground = np.uint16(255 if dark else 0)
    return ((colour * alpha + ground * (255 - alpha) + 127) // 255).astype(np.uint8)


def _grey(pixels: Pixels) -> Pixels:
    """Return [h, w] as it is, and the luma of [h, w, 3]: ITU-R BT.601, rounded as Pillow does."""
    import numpy as np

    if pixels.ndim == 2:
        return pixels
    luma = pixels @ np.array([19595, 38470, 7471], np.uint32)
    return ((luma + 0x8000) >> 16).astype(np.uint8)


def _light_on_dark(grey: Pixels, invert: bool | None) -> tuple[Pixels, bool]:
    """Return the image with light ink on a dark ground, and whether that took an inversion."""
    inverted = _border(grey) > 127.5 if invert is None else invert
    if inverted:
        grey = ~grey
    if grey.max() - _ground(grey) < LEAST_CONTRAST:
        raise InputError("the image is blank: there is no ink on it")
    return grey, inverted


def _border(grey: Pixels) -> float:
    """Return the median of the outermost pixels."""
    import numpy as np

    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


def _ground(grey: Pixels) -> float:
    """Return the grey level of the dark ground."""
    border = _border(grey)
    # Light only if the caller has forbidden the inversion, or forced it on light ink.
    return border if border <= 127.5 else float(grey.min())


def _frame(grey: Pixels, height: int, width: int) -> Pixels:
    """Crop the light ink, fit it into the box and centre it by mass, in levels 0 to 255."""
    import numpy as np
    import PIL.Image

    ink = np.maximum(grey.astype(np.float32) - _ground(grey), 0)
    rows, columns = (np.flatnonzero((ink > INK * ink.max()).any(axis)) for axis in (1, 0))
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(BOX * height / crop.shape[0], BOX * width / crop.shape[1])
    h, w = (max(1, round(side * scale)) for side in crop.shape)
    digit = np.asarray(PIL.Image.fromarray(crop).resize((w, h), PIL.Image.Resampling.HAMMING))

    # MNIST's centre of mass is the pixel [14, 14] of 28x28.
    rows_mass, columns_mass = digit.sum(1), digit.sum(0)
    top = round(height // 2 - np.average(np.arange(h), weights=rows_mass))
    left = round(width // 2 - np.average(np.arange(w), weights=columns_mass))
    top, left = min(max(top, 0), height - h), min(max(left, 0), width - w)
    field = np.zeros((height, width), np.uint8)
    field[top : top + h, left : left + w] = np.rint(digit * (255 / digit.max()))
    return field


def _resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Scale the whole image, antialiased."""
    import numpy as np
    import PIL.Image

    if pixels.shape[:2] == (height, width):
        return pixels
    image = PIL.Image.fromarray(pixels)
    return np.asarray(image.resize((width, height), PIL.Image.Resampling.HAMMING))
