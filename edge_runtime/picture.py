"""Any image, a file or an array or a picture of Pillow, to a picture of bytes: L, RGB or RGBA."""

from __future__ import annotations

import os
from math import isnan
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import PIL.Image

    Pixels = npt.NDArray[np.uint8]
    Picture = PIL.Image.Image
    Source = str | os.PathLike[str] | PIL.Image.Image | npt.NDArray[Any]

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Formats of image files, by Pillow's names; PPM is all of PNM. Pillow has forty more decoders,
which are less tested, and starts Ghostscript for EPS."""

MOST_PIXELS = 1 << 26
"""Most pixels of an image file, 67 million: a file of 1 MB can claim to have billions. To use a
larger file, or another format, open it with Pillow and pass the Pillow image."""

TOPS = (255, 1023, 4095, 16383, 65535)
"""Largest values of pixels of 8, 10, 12, 14 and 16 bits, which cameras store in 16."""

WHOLE = float(1 << 23)
"""A float32 between this and twice this is a whole number: adding it rounds, halves to even."""


def read(image: Source) -> Picture:
    """Return an image as a picture of Pillow of the mode L, RGB or RGBA.

    Args:
        image: as for :func:`edge_runtime.image.prepare`.

    Raises:
        InputError: the image cannot be read, or is no image.
    """
    import PIL.Image
    from PIL.ImageOps import exif_transpose

    try:
        if isinstance(image, PIL.Image.Image):
            return _decode(exif_transpose(image))
        if hasattr(image, "__array_interface__"):
            return PIL.Image.fromarray(_eight_bit(image))
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


def _decode(image: Picture) -> Picture:
    """Return an upright picture of any mode in the mode L, RGB or RGBA."""
    if image.mode == "F":
        return _of_floats(image)
    if image.mode.startswith("I"):
        whole = image.convert("I")
        scale = 255 / _top(*_extrema(whole), TOPS)
        # No multiple of 255 / top is a half, since all tops are odd.
        return whole.point(lambda level: level * scale + 0.5).convert("L")
    mode = "L" if image.mode in ("1", "L") else "RGB"
    if image.has_transparency_data:
        mode = "RGBA"
    image.load()  # before its file is closed
    return image if image.mode == mode else image.convert(mode)


def _of_floats(image: Picture) -> Picture:
    """Return a picture of float32 in the mode L: the nearest level, halves to even."""
    total = sum(memoryview(image.tobytes()).cast("f"))
    low, high = _extrema(image) if not isnan(total) else (total, total)
    scale = 255 / _top(low, high, (1, 255))
    scaled = image.point(lambda level: level * scale + 0.0)
    moved = scaled.point(lambda level: level * 1.0 + WHOLE)
    return moved.point(lambda level: level * 1.0 + -WHOLE).convert("L")


def _extrema(image: Picture) -> tuple[float, float]:
    """Return the least and the greatest level of a picture of one channel."""
    extrema: Any = image.getextrema()
    return float(extrema[0]), float(extrema[1])


def _top(low: float, high: float, tops: tuple[int, ...]) -> int:
    """Return the level of white: the first of ``tops`` that no pixel exceeds."""
    top = next((top for top in tops if high <= top), tops[-1])
    if not (low >= 0 and high <= top):
        raise InputError(f"pixels from {low:g} to {high:g} are not in the range 0 to {top}")
    return top


def _eight_bit(image: Any) -> Pixels:
    """Return an image array of any element type as uint8 [h, w], [h, w, 3] or [h, w, 4]."""
    import numpy as np

    array = np.asarray(image)
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
    top = _top(float(array.min()), float(array.max()), (1, 255) if kind == "f" else TOPS)
    return np.rint(array * (255 / top)).astype(np.uint8)
