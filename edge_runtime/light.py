"""The ground of a picture in uneven light: the picture as it would be without ink.

Light multiplies ink and ground alike, so it is estimated in logarithms, where it is added, and on a
thumbnail, since it changes slowly or at the edges of shadows.
"""

from __future__ import annotations

from itertools import repeat
from operator import truediv
from typing import TYPE_CHECKING, Any

from edge_runtime.plain import float32

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

THUMBNAIL = 64
"""Longest side of the thumbnail, in pixels. A stroke of MNIST, 2 of 28 pixels, is 4 of them."""

WINDOW = 1 / 3
"""Side of the closing's window, in longest sides of the picture: wider than the thickest stroke of
a digit that fills the picture, 8 of 28 pixels."""

DARK = 8
"""Grey levels added before taking the logarithm, so that the noise of black stays small."""

ROUNDS = 6
"""Number of fits of the surface, each to the ground according to the one before."""


def estimate(grey: Floats) -> tuple[bool, dict[bool, Floats]]:
    """Estimate the ground of a picture with one kind of ink, dark or light.

    Of the two possible grounds, the right one is the calmer: the other still has the ink in it.

    Args:
        grey: [h, w], 0 to 255.

    Returns:
        Whether the ink is darker than the ground, and the ground [h, w] under dark (True) and under
        light (False) ink.
    """
    import numpy as np

    logarithm = np.log(shrink(grey, THUMBNAIL) + np.float32(DARK))
    coefficients, _ = fit_surface(logarithm)
    smooth = _terms(logarithm.shape, 0) @ coefficients
    grounds, unrest = {}, {}
    for dark in (True, False):
        ground = _close(logarithm, coefficients, dark)
        unrest[dark] = sum(np.abs(np.diff(ground - smooth, axis=axis)).sum() for axis in (0, 1))
        grounds[dark] = np.exp(_enlarge(ground, *grey.shape)) - np.float32(DARK)
    return bool(unrest[True] < unrest[False]), grounds


def fit_surface(logarithm: Floats) -> tuple[Floats, Floats]:
    """Fit a quadratic surface to the ground: slopes and vignettes.

    Least squares, first through the border, where there is hardly any ink, then through all that
    lies within three standard deviations of the surface before.

    Returns:
        The coefficients [6] of :func:`_terms`, and the residuals [h, w].
    """
    import numpy as np

    terms, values = _terms(logarithm.shape, 0).reshape(-1, 6), logarithm.ravel()
    border = np.ones(logarithm.shape, bool)
    border[2:-2, 2:-2] = False
    ground = border.ravel()
    for _ in range(ROUNDS):
        chosen = terms[ground]
        # A picture one pixel high does not determine all terms: any solution will do.
        normal, right = chosen.T @ chosen, chosen.T @ values[ground]
        coefficients = np.linalg.lstsq(normal, right, rcond=1e-6)[0]
        rest = values - terms @ coefficients
        # 1.4826 medians are a standard deviation; 2 % is the rounding of a dark grey.
        spread = 1.4826 * np.median(np.abs(rest[ground])) + 0.02
        ground = np.abs(rest) < 3 * spread
    return coefficients, rest.reshape(logarithm.shape)


def _terms(shape: tuple[int, ...], margin: int) -> Floats:
    """Return 1, u, v, u², uv, v² for each pixel [h + 2 margin, w + 2 margin, 6].

    u and v are -0.5 to 0.5 in the picture.
    """
    import numpy as np

    sides = (
        (np.arange(-margin, side + margin, dtype=np.float32) + 0.5) / side - 0.5 for side in shape
    )
    v, u = np.meshgrid(*sides, indexing="ij")
    return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1)


def _close(logarithm: Floats, coefficients: Floats, dark: bool) -> Floats:
    """Remove ink narrower than the window: a closing, or an opening if the ink is light.

    Both leave slopes and the edges of shadows as they are. The surface continues the picture beyond
    its border. The second window is a pixel wider on each side: the thumbnail blurs the edge of a
    shadow, which would leave a line along it.
    """
    import numpy as np

    window = int(max(logarithm.shape) * WINDOW) | 1
    margin = window // 2 + 1
    surface = _terms(logarithm.shape, margin) @ coefficients
    inside = (slice(margin, -margin), slice(margin, -margin))
    wide = np.pad(logarithm - surface[inside], margin, mode="edge") + surface
    first, second = (np.maximum, np.minimum) if dark else (np.minimum, np.maximum)
    ground = extreme(extreme(wide, window, first), window + 2, second)[inside]
    # Far beyond the border of a picture a few pixels high the surface means nothing.
    clipped: Floats = np.clip(ground, logarithm.min(), logarithm.max())
    return clipped


def extreme(values: npt.NDArray[Any], window: int, function: np.ufunc) -> npt.NDArray[Any]:
    """Return the greatest (``np.maximum``) or least value in the square around each pixel.

    Args:
        values: [h, w].
        window: odd side of the square, in pixels.
        function: a function of two arrays; it is applied to runs that double in length.
    """
    import numpy as np

    result = np.pad(values, window // 2, mode="edge")
    for _ in range(2):
        reach = 1
        while reach < window:
            step = min(reach, window - reach)
            result = function(result[:-step], result[step:])
            reach += step
        result = result.T
    return result


def shrink(plane: npt.NDArray[Any], longest: int) -> Floats:
    """Return [h, w] as float32, averaged to at most ``longest`` pixels on its longest side."""
    import numpy as np
    import PIL.Image

    scale = min(1, longest / max(plane.shape))
    height, width = (max(1, round(side * scale)) for side in plane.shape)
    image = PIL.Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize((width, height), PIL.Image.Resampling.BOX))


def _enlarge(plane: Floats, height: int, width: int) -> Floats:
    """Return a thumbnail in the size of its picture."""
    import numpy as np
    import PIL.Image

    image = PIL.Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize((width, height), PIL.Image.Resampling.BILINEAR))


def otsu(values: npt.NDArray[Any]) -> float:
    """Return the threshold that separates two classes of values best, in 256 steps of them."""
    import numpy as np

    low, high = float(values.min()), float(values.max())
    step = (high - low) / 255
    if not step:
        return low
    steps = ((values.ravel() - np.float32(low)) / np.float32(step)).astype(np.intp)
    return low + (separation(np.bincount(steps, minlength=256).tolist()) + 0.5) * step


def threshold(counts: Sequence[int]) -> float:
    """Return what :func:`otsu` does for bytes, of which there are so many of each level."""
    levels = [level for level, count in enumerate(counts) if count]
    low, high = levels[0], levels[-1]
    step = (high - low) / 255
    if not step:
        return float(low)
    # Divided in float32, as otsu() does.
    places = float32(map(truediv, range(high - low + 1), repeat(float32([step])[0])))
    steps = [0] * 256
    for place, count in zip(places, counts[low:], strict=False):
        steps[int(place)] += count
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
