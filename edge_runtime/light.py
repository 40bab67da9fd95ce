"""The ground of a picture in uneven light: the picture as it would be without ink.

Light multiplies ink and ground alike, so it is estimated in logarithms, where it is added, and on a
thumbnail, since it changes slowly or at the edges of shadows. Pillow and this module calculate in
whole numbers, and in sums, products and quotients of float64, which any machine rounds alike.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from itertools import accumulate, compress, islice, repeat
from itertools import count as arithmetic
from operator import rshift, sub, truediv
from typing import TYPE_CHECKING, cast

from edge_runtime.plain import float32

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import PIL.Image

    Picture = PIL.Image.Image

THUMBNAIL = 64
"""Longest side of the thumbnail, in pixels. A stroke of MNIST, 2 of 28 pixels, is 4 of them."""

WINDOW = 1 / 3
"""Side of the closing's window, in longest sides of the picture: wider than the thickest stroke of
a digit that fills the picture, 8 of 28 pixels."""

SAMPLES = 16
"""Most columns, and most rows, of the thumbnail to which the surface is fitted."""

ROUNDS = 6
"""Most fits of the surface, each to the ground according to the one before."""

TERMS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
"""Powers of u, the column, and of v, the row, whose weighted sum is the surface."""

PRECISION = 20
"""Fractional bits of the weights, and of differences from the surface."""

MIDDLE = 128
"""Level of no difference from the surface."""


def estimate(picture: Picture) -> tuple[bool, dict[bool, Picture]]:
    """Estimate the ground of a picture with one kind of ink, dark or light.

    Of the two possible grounds, the right one is the calmer: the other still has the ink in it.

    Args:
        picture: of the mode L: logarithms on any scale.

    Returns:
        Whether the ink is darker than the ground, and thumbnails, of the mode L, of the ground
        under dark (True) and under light (False) ink.
    """
    small = thumbnail(picture, THUMBNAIL)
    window = int(max(small.size) * WINDOW) | 1
    margin = window // 2 + 1
    wide = _continued(small, margin)
    inside = (margin, margin, margin + small.width, margin + small.height)
    grounds, unrest = {}, {}
    for dark in (True, False):
        # A closing removes ink narrower than the window, or an opening if the ink is light. Both
        # leave slopes and the edges of shadows as they are.
        swollen = _extreme(wide, window, lightest=dark)
        closed = _extreme(swollen, window, lightest=not dark)
        unrest[dark] = _unrest(closed.crop(inside))
        # The thumbnail blurs the edge of a shadow, which would leave a line along it.
        grounds[dark] = _extreme(closed, 3, lightest=not dark).crop(inside)
    return unrest[True] < unrest[False], grounds


def thumbnail(picture: Picture, longest: int) -> Picture:
    """Return a picture reduced to at most ``longest`` pixels on its longest side."""
    from edge_runtime.resampling import resized

    scale = min(1, longest / max(picture.size))
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return resized(picture, height, width)


def fit_surface(small: Picture) -> tuple[tuple[int, ...], list[int]]:
    """Fit a quadratic surface to the ground: slopes and vignettes.

    Least squares, first through the border, where there is hardly any ink, then through all that
    lies within three standard deviations of the surface before.

    Args:
        small: a thumbnail of the mode L.

    Returns:
        The weights of the TERMS, in 2**-PRECISION, for u and v in halves of a pixel from the middle
        of the thumbnail; and what remains of each of its samples, likewise in 2**-PRECISION.
    """
    width, height = small.size
    step = -(-max(width, height) // SAMPLES)
    us, vs = _middles(width)[::step], _middles(height)[::step]
    content = small.tobytes()
    starts = range(0, width * height, width * step)
    levels = b"".join(content[start : start + width : step] for start in starts)
    powers = _powers(us, vs)
    products = [
        [level * power for level, power in zip(levels, powers[term], strict=True)] for term in TERMS
    ]
    fine = [level << PRECISION for level in levels]
    x, y = len(us), len(vs)
    chosen = [min(i, x - 1 - i, j, y - 1 - j) < 2 for j in range(y) for i in range(x)]
    for _ in range(ROUNDS):
        moments = {power: sum(compress(values, chosen)) for power, values in powers.items()}
        right = [sum(compress(product, chosen)) for product in products]
        weights = _least_squares(moments, right, max(1, -us[0], -vs[0]))
        rest = list(map(sub, fine, _heights(weights, us, vs)))
        ground = sorted(map(abs, compress(rest, chosen)))
        # 1.4826 medians are a standard deviation; a level is that of rounding.
        bound = int(3 * 1.4826 * ground[len(ground) // 2]) + (3 << PRECISION)
        before, chosen = chosen, [-bound < one < bound for one in rest]
        if chosen == before:
            break
    return weights, rest


def _middles(side: int) -> range:
    """Return the middles of pixels, in halves of a pixel from that of the picture."""
    return range(1 - side, side, 2)


@lru_cache
def _powers(us: range, vs: range) -> dict[tuple[int, int], tuple[int, ...]]:
    """Return u**i * v**j of each sample, for i + j up to 4."""
    return {
        (i, j): tuple(u**i * v**j for v in vs for u in us) for i in range(5) for j in range(5 - i)
    }


def _least_squares(
    moments: dict[tuple[int, int], int], right: list[int], size: int
) -> tuple[int, ...]:
    """Return the weights of the TERMS, in 2**-PRECISION.

    Args:
        moments: sums of u**i * v**j.
        right: sums of the levels times each of the TERMS.
        size: the greatest u or v.
    """
    # On a scale of u and v from -1 to 1.
    rows = []
    for (i, j), total in zip(TERMS, right, strict=True):
        row = [moments[i + k, j + m] / size ** (i + j + k + m) for k, m in TERMS]
        rows.append([*row, total / size ** (i + j)])
    # A picture one pixel high does not determine all terms: any solution will do.
    ridge = moments[0, 0] * 1e-6
    for n in range(len(rows)):
        rows[n][n] += ridge
    for n in range(len(rows)):
        pivot = rows[n]
        for m, row in enumerate(rows):
            if m != n:
                factor = row[n] / pivot[n]
                rows[m] = [a - factor * b for a, b in zip(row, pivot, strict=True)]
    return tuple(
        round(rows[n][-1] / rows[n][n] / size ** (i + j) * (1 << PRECISION))
        for n, (i, j) in enumerate(TERMS)
    )


def _heights(weights: tuple[int, ...], us: range, vs: range) -> Iterable[int]:
    """Return a surface row by row, in 2**-PRECISION, by the differences of neighbours."""
    c, cu, cv, cuu, cuv, cvv = weights
    u, step = us.start, us.step
    bend = 2 * step * step * cuu
    for v in vs:
        slope = cu + v * cuv
        first = c + v * (cv + v * cvv) + u * (slope + u * cuu)
        rise = step * (slope + (2 * u + step) * cuu)
        yield from accumulate(islice(arithmetic(rise, bend), len(us) - 1), initial=first)


def _continued(small: Picture, margin: int) -> Picture:
    """Return a thumbnail with a margin, in which its border continues as the surface does."""
    import PIL.Image
    from PIL.ImageChops import add, subtract

    size = width, height = small.width + 2 * margin, small.height + 2 * margin
    inside = (margin, margin, width - margin, height - margin)
    (middle, *slopes), _ = fit_surface(small)
    half = 1 << PRECISION - 1
    heights = _heights((middle + half, *slopes), _middles(width), _middles(height))
    levels = array("i", map(rshift, heights, repeat(PRECISION)))
    surface = PIL.Image.frombytes("I", size, levels.tobytes()).convert("L")
    rest = subtract(small, surface.crop(inside), 1, MIDDLE).tobytes()
    rows = [rest[start : start + small.width] for start in range(0, len(rest), small.width)]
    rows = [row[:1] * margin + row + row[-1:] * margin for row in rows]
    content = b"".join([*repeat(rows[0], margin), *rows, *repeat(rows[-1], margin)])
    wide = add(PIL.Image.frombytes("L", size, content), surface, 1, -MIDDLE)
    # Far beyond the border of a picture a few pixels high the surface means nothing.
    low, high = extrema(small)
    wide = wide.point([min(max(level, low), high) for level in range(256)])
    wide.paste(small, inside)
    return wide


def _extreme(picture: Picture, window: int, *, lightest: bool) -> Picture:
    """Return the lightest or darkest level of the square around each pixel.

    Args:
        picture: of the mode L.
        window: odd side of the square, in pixels.
        lightest: whether it is the lightest.
    """
    import PIL.Image
    from PIL.ImageChops import darker, lighter

    function, beyond = (lighter, 0) if lightest else (darker, 255)
    half = window // 2
    result = PIL.Image.new("L", (picture.width + 2 * half, picture.height + 2 * half), beyond)
    result.paste(picture, (half, half))
    for across in (True, False):
        # Of runs that double in length.
        reach = 1
        while reach < window:
            step = min(reach, window - reach)
            result = function(*_shifted(result, step, across))
            reach += step
    return result


def _shifted(picture: Picture, step: int, across: bool) -> tuple[Picture, Picture]:
    """Return a picture without its last columns, or rows, and without as many of the first."""
    x, y = (step, 0) if across else (0, step)
    width, height = picture.width, picture.height
    return picture.crop((0, 0, width - x, height - y)), picture.crop((x, y, width, height))


def _unrest(picture: Picture) -> int:
    """Return the sum of the differences of neighbours."""
    steps = (step for across in (True, False) for step in enumerate(neighbours(picture, across)))
    return sum(level * number for level, number in steps)


def neighbours(picture: Picture, across: bool) -> list[int]:
    """Return of how many pixels the next one in the row, or column, differs by each level."""
    from PIL.ImageChops import difference

    if (picture.width if across else picture.height) == 1:
        return [0] * 256
    return difference(*_shifted(picture, 1, across)).histogram()


def extrema(picture: Picture) -> tuple[int, int]:
    """Return the darkest and the lightest level of a picture of the mode L."""
    return cast("tuple[int, int]", picture.getextrema())


def threshold(counts: Sequence[int]) -> float:
    """Return the threshold that separates two classes of levels best, in 256 steps of them.

    Args:
        counts: how many pixels there are of each level.
    """
    levels = [level for level, number in enumerate(counts) if number]
    low, high = levels[0], levels[-1]
    step = (high - low) / 255
    if not step:
        return float(low)
    # Divided in float32: what is a framed picture must not change.
    places = float32(map(truediv, range(high - low + 1), repeat(float32([step])[0])))
    steps = [0] * 256
    for place, number in zip(places, counts[low:], strict=False):
        steps[int(place)] += number
    return low + (separation(steps) + 0.5) * step


def separation(counts: Sequence[int]) -> int:
    """Return the step of a histogram that is the last one of the lower of two classes.

    Source: N. Otsu, A Threshold Selection Method from Gray-Level Histograms, 1979: the greatest
    variance between the classes.
    """
    size = sum(counts)
    mean = sum(step * count for step, count in enumerate(counts)) / size
    best, least = 0, -1.0
    below = weighed = 0
    for step, count in enumerate(counts):
        below, weighed = below + count, weighed + step * count
        share = below / size
        apart = mean * share - weighed / size
        between = apart * apart / max(share * (1 - share), 1e-12)
        if between > least:
            best, least = step, between
    return best
