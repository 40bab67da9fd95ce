"""Digit framing: any picture of a digit becomes light ink on black, framed as MNIST is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_runtime.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import PIL.Image

    Pixels = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]

BOX = 20 / 28
"""MNIST's longest side of a digit in its field. Source: http://yann.lecun.com/exdb/mnist/: "fit in
a 20x20 pixel box while preserving their aspect ratio", then centred by mass in 28x28."""

INK = 0.25
"""Share of the ink's contrast from which a pixel counts as ink when the digit is cropped."""

FRAMED_CONTRAST = 32
"""Least contrast of an image that is framed already, and the lightest level of its ground, in grey
levels. MNIST's have 255 and 0."""

LARGEST = 1024
"""Longest side that is processed, in pixels; larger pictures are reduced. A digit needs 20."""

LEAST_CONTRAST = 6
"""Grey levels between ink and ground below which a picture is blank; rounding and JPEG make up to 5
on an even ground."""

LEAST_SIGNAL = 5
"""Standard deviations of the ground between it and the ink below which a picture is blank. Otsu's
threshold splits noise alone into halves 2.2 to 3.8 apart, and digits that can be read into ink and
ground 6.6 and more apart."""

NOISE = 2
"""Standard deviations of the noise from which a pixel counts as ink: six of the noise of means of
3x3 pixels."""

MOST_INK = 2 / 3
"""Share of ink above which the ground was mistaken for ink; a bold digit that touches all four
sides has 0.6."""

COLOUR = 12
"""Difference between the channels of a thumbnail from which it is coloured, in grey levels."""

BLANK = (
    "the image is blank: there is no ink on it that stands out from the ground; use a bolder pen "
    "or more even light, or crop it to the digit"
)


@dataclass(frozen=True, eq=False)
class Ink:
    """The ink of a picture.

    Attributes:
        amount: float32 [h, w]: how much ink there is, on an arbitrary scale from 0, the ground.
        mask: bool [h, w]: where it counts.
        dark: whether it is darker than its ground.
    """

    amount: Floats
    mask: npt.NDArray[np.bool_]
    dark: bool


def framed(luma: PIL.Image.Image, invert: bool | None) -> tuple[PIL.Image.Image, bool] | None:
    """Return an image that is framed already, and whether it was inverted; None if it is not.

    Args:
        luma: grey levels, of exactly the right size.
        invert: whether to swap dark and light; None: if the ink is darker than its ground.
    """
    from PIL.ImageChops import invert as inverse

    from edge_runtime.light import threshold

    counts = luma.histogram()
    levels = [level for level, count in enumerate(counts) if count]
    if levels[-1] - levels[0] < FRAMED_CONTRAST:
        return None
    ground = _border(luma)
    inverted = ground > threshold(counts) if invert is None else invert
    # With an explicit ``invert`` the image is used unchanged.
    if invert is None and (255 - ground if inverted else ground) > FRAMED_CONTRAST:
        return None
    return (inverse(luma) if inverted else luma), inverted


def _border(luma: PIL.Image.Image) -> float:
    """Return the median level of the first and last rows and columns."""
    content, width = luma.tobytes(), luma.width
    border = content[:width] + content[-width:] + content[::width] + content[width - 1 :: width]
    ordered = sorted(border)
    return (ordered[len(border) // 2 - 1] + ordered[len(border) // 2]) / 2


def find(picture: PIL.Image.Image, luma: PIL.Image.Image) -> Ink:
    """Find the ink of a picture, dark or light, in even or uneven light.

    Args:
        picture: of the mode L or RGB.
        luma: its grey levels.

    Raises:
        InputError: the picture is blank.
    """
    import numpy as np

    from edge_runtime.light import DARK, estimate

    grey = _grey(np.asarray(_reduce(picture)), np.asarray(_reduce(luma)))
    dark, grounds = estimate(grey)
    for guess in (dark, not dark):
        ground = grounds[guess]
        amount = (grey - ground) / (ground + DARK)
        ink = _separate(-amount if guess else amount, float(np.median(ground)), guess)
        if ink:
            return ink
    raise InputError(BLANK)


def _reduce(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Return a picture with at most LARGEST pixels on its longest side."""
    factor = -(-max(picture.size) // LARGEST)
    return picture.reduce(factor) if factor > 1 else picture


def _grey(pixels: Pixels, luma: Pixels) -> Floats:
    """Return the luma, or the channel that shows the ink if it stands out twice as much there.

    Blue ink on black has a luma of 29, and red ink on green may have that of its ground.
    """
    import numpy as np

    from edge_runtime.light import DARK, THUMBNAIL, fit_surface, shrink

    if pixels.ndim == 2:
        return luma.astype(np.float32)
    planes = [*np.moveaxis(pixels, 2, 0), luma]
    thumbnails = [shrink(plane, THUMBNAIL // 2) for plane in planes]
    if np.ptp(thumbnails, axis=0).max() < COLOUR:
        return luma.astype(np.float32)
    contrasts = []
    for thumbnail in thumbnails:
        _, rest = fit_surface(np.log(thumbnail + np.float32(DARK)))
        contrasts.append(float(np.std((thumbnail + DARK) * (1 - np.exp(-rest)))))
    best = int(np.argmax(contrasts))
    plane: Pixels = planes[best] if contrasts[best] > 2 * contrasts[-1] else luma
    return plane.astype(np.float32)


def _separate(amount: Floats, ground: float, dark: bool) -> Ink | None:
    """Separate ink from noise; None if there is no ink.

    Args:
        amount: how much each pixel differs from the ground towards the ink, in shares of the
            ground's level.
        ground: the level of the ground, 0 to 255.
        dark: whether the ink is darker than the ground.
    """
    import numpy as np

    from edge_runtime.light import DARK, otsu

    calm = _blur(amount)
    # Beside the edge of a shadow the ground may be darker (or lighter) than no ink at all.
    over = calm > otsu(np.maximum(calm, 0))
    if over.all() or not over.any():
        return None
    base = np.median(calm[~over])
    contrast = float(calm[over].mean() - base)
    spread = 1.4826 * float(np.median(np.abs(calm[~over] - base)))
    if contrast * (ground + DARK) < LEAST_CONTRAST or contrast < LEAST_SIGNAL * spread:
        return None
    # Differences of neighbours have twice the variance of the noise, and hardly any light or ink.
    neighbours = np.diff(amount, axis=int(amount.shape[1] > 1))
    noise = 1.4826 * float(np.median(np.abs(neighbours))) / 2**0.5 if neighbours.size else 0.0
    least = max(INK * contrast, NOISE * noise)
    amount = amount - base
    mask = (calm - base > least) & (amount > least)
    return Ink(amount, mask, dark) if 0 < mask.mean() <= MOST_INK else None


def _blur(values: Floats) -> Floats:
    """Return the mean of the 3x3 pixels around each, which has a third of the noise."""
    import numpy as np

    wide = np.pad(values, 1, mode="edge")
    rows = wide[:-2] + wide[1:-1] + wide[2:]
    mean: Floats = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
    return mean


def fit(ink: Ink, height: int, width: int) -> Pixels:
    """Crop the ink, fit it into the box and centre it by mass, in levels 0 to 255."""
    import numpy as np
    import PIL.Image

    from edge_runtime.light import extreme
    from edge_runtime.resampling import resized

    rows, columns = (np.flatnonzero(ink.mask.any(axis)) for axis in (1, 0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    # With the soft edge of each stroke, and without the noise of the ground.
    near = extreme(ink.mask[box], 3, np.maximum)
    crop = np.where(near, np.maximum(ink.amount[box], 0), 0).astype(np.float32)
    scale = min(BOX * height / crop.shape[0], BOX * width / crop.shape[1])
    h, w = (max(1, round(side * scale)) for side in crop.shape)
    digit = np.asarray(resized(PIL.Image.fromarray(crop), h, w))

    # MNIST's centre of mass is the pixel [14, 14] of 28x28.
    rows_mass, columns_mass = digit.sum(1), digit.sum(0)
    top = round(height // 2 - np.average(np.arange(h), weights=rows_mass))
    left = round(width // 2 - np.average(np.arange(w), weights=columns_mass))
    top, left = min(max(top, 0), height - h), min(max(left, 0), width - w)
    field = np.zeros((height, width), np.uint8)
    field[top : top + h, left : left + w] = np.rint(digit * (255 / digit.max()))
    return field
