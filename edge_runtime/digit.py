"""Digit framing: any picture of a digit becomes light ink on black, framed as MNIST is."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

from edge_runtime.errors import InputError

if TYPE_CHECKING:
    import PIL.Image

    Picture = PIL.Image.Image

ZERO = 64
"""Level of no ink in a picture of ink: less than none, beside the edges of shadows, is below."""

MOST = 255 - ZERO
"""Levels of the logarithms of a picture above the least, and of ink above ZERO."""

DARK = 8
"""Grey levels added before taking the logarithm, so that the noise of black stays small."""

OCTAVE = 1 << 16
"""What the logarithm of 2 is rounded to. No logarithm of a level, nor power of a logarithm, is so
near the middle of two whole numbers that the last bit of a machine's functions decides."""

ONE = 1 << 20
"""What 1 is among powers."""

LOGARITHMS = tuple(round(log2(level + DARK) * OCTAVE) for level in range(256))
"""The logarithm of each grey level."""

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
threshold splits noise alone into halves 1.8 to 2.8 apart, and digits that can be read into ink and
ground 8 and more apart."""

NOISE = 2
"""Standard deviations of the noise from which a pixel counts as ink: six of the noise of means of
3x3 pixels."""

MOST_INK = 2 / 3
"""Share of ink above which the ground was mistaken for ink; a bold digit that touches all four
sides has 0.6."""

REDUCTION = 16
"""Most by which a digit is reduced by resizing; more is halved first."""

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
        amount: of the mode L: how much ink there is, on an arbitrary scale from 0, the ground.
        mask: of the mode L: 255 where it counts, else 0.
        dark: whether it is darker than its ground.
    """

    amount: Picture
    mask: Picture
    dark: bool


def framed(luma: Picture, invert: bool | None) -> tuple[Picture, bool] | None:
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


def _border(luma: Picture) -> float:
    """Return the median level of the first and last rows and columns."""
    content, width = luma.tobytes(), luma.width
    border = content[:width] + content[-width:] + content[::width] + content[width - 1 :: width]
    ordered = sorted(border)
    return (ordered[len(border) // 2 - 1] + ordered[len(border) // 2]) / 2


def find(picture: Picture, luma: Picture) -> Ink:
    """Find the ink of a picture, dark or light, in even or uneven light.

    Args:
        picture: of the mode L or RGB.
        luma: its grey levels.

    Raises:
        InputError: the picture is blank.
    """
    from PIL.ImageChops import subtract

    from edge_runtime.light import estimate, extrema
    from edge_runtime.resampling import resized

    plane = _plane(_reduce(picture), _reduce(luma))
    low, high = extrema(plane)
    if high == low:
        raise InputError(BLANK)
    bottom, span = LOGARITHMS[low], LOGARITHMS[high] - LOGARITHMS[low]
    logs = plane.point([_rounded(MOST * (one - bottom), span, 0, MOST) for one in LOGARITHMS])
    dark, grounds = estimate(logs)
    for guess in (dark, not dark):
        ground = resized(grounds[guess], logs.height, logs.width)
        pair = (ground, logs) if guess else (logs, ground)
        differences = subtract(*pair, 1, ZERO)
        # The share of the ground's level, in 1 / ONE, that each difference means.
        sign = -1 if guess else 1
        shares = [sign * (_power(sign * (n - ZERO) * span // MOST) - ONE) for n in range(256)]
        least, most = (shares[level] for level in extrema(differences))
        if most <= 0:
            continue
        full = max(most, -least * MOST // ZERO)
        amount = differences.point(
            [ZERO + _rounded(MOST * one, full, -ZERO, MOST) for one in shares]
        )
        level = _power(bottom + round(_median(ground.histogram()) * span / MOST)) / ONE
        if ink := _separate(amount, level * full / ONE / MOST, guess):
            return ink
    raise InputError(BLANK)


def _power(logarithm: int) -> int:
    """Return the number, times ONE, of a logarithm."""
    return round(2 ** (logarithm / OCTAVE) * ONE)


def _rounded(dividend: int, divisor: int, low: int, high: int) -> int:
    """Return a quotient to the nearest whole number from low to high."""
    return min(max((2 * dividend + divisor) // (2 * divisor), low), high)


def _median(counts: list[int]) -> float:
    """Return the median of levels, of which there are so many of each, spread over each level."""
    half, below = sum(counts) / 2, 0
    for level, count in enumerate(counts):
        if count and below + count >= half:
            return level - 0.5 + (half - below) / count
        below += count
    return 0.0


def _reduce(picture: Picture) -> Picture:
    """Return a picture with at most LARGEST pixels on its longest side."""
    factor = -(-max(picture.size) // LARGEST)
    return picture.reduce(factor) if factor > 1 else picture


def _plane(picture: Picture, luma: Picture) -> Picture:
    """Return the luma, or the channel that shows the ink if it stands out twice as much there.

    Blue ink on black has a luma of 29, and red ink on green may have that of its ground.
    """
    from PIL.ImageChops import darker, lighter, subtract

    from edge_runtime.light import extrema, fit_surface, thumbnail

    if picture.mode == "L":
        return luma
    planes = [*picture.split(), luma]
    small = [thumbnail(plane, 32) for plane in planes]
    red, green, blue, _ = small
    most, least = (of(of(red, green), blue) for of in (lighter, darker))
    if extrema(subtract(most, least))[1] < COLOUR:
        return luma
    variances = []
    for plane in small:
        _, rest = fit_surface(thumbnail(plane, 16))
        variances.append(sum(one * one for one in rest))
    best = variances.index(max(variances))
    return planes[best] if variances[best] > 4 * variances[-1] else luma


def _separate(amount: Picture, unit: float, dark: bool) -> Ink | None:
    """Separate ink from noise; None if there is no ink.

    Args:
        amount: of the mode L: how much each pixel differs from the ground towards the ink, from
            ZERO.
        unit: what a level of it is in grey levels.
        dark: whether the ink is darker than the ground.
    """
    from PIL.ImageChops import darker
    from PIL.ImageFilter import BoxBlur

    from edge_runtime.light import neighbours, threshold

    # Means of 3x3 pixels have a third of the noise.
    calm = amount.filter(BoxBlur(1))
    counts = calm.histogram()
    # Beside the edge of a shadow the ground may be darker (or lighter) than no ink at all.
    some = [0] * ZERO + [sum(counts[: ZERO + 1])] + counts[ZERO + 1 :]
    first = int(threshold(some)) + 1
    under, over = counts[:first], counts[first:]
    if not any(under) or not any(over):
        return None
    base = _median(under)
    contrast = sum(level * count for level, count in enumerate(over, first)) / sum(over) - base
    spread = 1.4826 * _deviation(under, base)
    if contrast * unit < LEAST_CONTRAST or contrast < LEAST_SIGNAL * spread:
        return None
    # Differences of neighbours have twice the variance of the noise, and hardly any light or ink.
    noise = 1.4826 / 1.4142 * max(0.0, _median(neighbours(amount, amount.width > 1)))
    bound = base + max(INK * contrast, NOISE * noise)
    mask = darker(calm, amount).point([255 * (level > bound) for level in range(256)])
    share = mask.histogram()[255] / (mask.width * mask.height)
    above = amount.point([max(int(level > bound), round(level - base)) for level in range(256)])
    return Ink(above, mask, dark) if 0 < share <= MOST_INK else None


def _deviation(counts: list[int], middle: float) -> float:
    """Return the median distance of levels, of which there are so many of each, from one."""
    half, below = sum(counts) / 2, 0
    distances = sorted((abs(level - middle), count) for level, count in enumerate(counts))
    for distance, count in distances:
        below += count
        if below >= half:
            return distance
    return 0.0


def fit(ink: Ink, height: int, width: int) -> Picture:
    """Crop the ink, fit it into the box and centre it by mass, in levels 0 to 255."""
    import PIL.Image
    from PIL.ImageChops import darker
    from PIL.ImageFilter import MaxFilter

    from edge_runtime.resampling import resized

    box = ink.mask.getbbox()
    # With the soft edge of each stroke, and without the noise of the ground.
    near = ink.mask.crop(box).filter(MaxFilter(3))
    crop = _stretched(darker(ink.amount.crop(box), near))
    scale = min(BOX * height / crop.height, BOX * width / crop.width)
    h, w = (max(1, round(side * scale)) for side in (crop.height, crop.width))
    # Each step keeps what a dot of one pixel leaves on a large page above the rounding to bytes.
    while max(crop.size) > REDUCTION * max(h, w):
        crop = _stretched(crop.reduce(2))
    digit = _stretched(resized(_stretched(resized(crop, crop.height, w)), h, w))
    content = digit.tobytes()
    rows = [sum(content[start : start + w]) for start in range(0, h * w, w)]
    columns = [sum(content[x::w]) for x in range(w)]
    # MNIST's centre of mass is the pixel [14, 14] of 28x28.
    top, left = (round(side // 2 - _centre(of)) for side, of in ((height, rows), (width, columns)))
    top, left = min(max(top, 0), height - h), min(max(left, 0), width - w)
    field = PIL.Image.new("L", (width, height))
    field.paste(digit, (left, top))
    return field


def _centre(masses: list[int]) -> float:
    """Return the place of the centre of masses at places from 0."""
    return sum(place * mass for place, mass in enumerate(masses)) / sum(masses)


def _stretched(picture: Picture) -> Picture:
    """Return a picture whose lightest level is 255."""
    from edge_runtime.light import extrema

    most = extrema(picture)[1]
    return picture.point([_rounded(255 * level, most, 0, 255) for level in range(256)])
