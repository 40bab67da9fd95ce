"""Handwriting-like zeros and ones, drawn by code and framed as MNIST frames its digits.

A pen is a disc of varying radius that is stamped along a path. NumPy samples all paths at once,
Pillow draws the discs. The distributions were chosen so that stroke width, slant and extent vary as
in MNIST's training images; nothing is computed from its pixels.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from edgekit.train.dataset import Arrays, Images, Labels

Floats = npt.NDArray[np.float64]

# Zeros and ones among MNIST's training and test images.
TRAIN_COUNTS = (5923, 6742)
TEST_COUNTS = (980, 1135)

SIDE = 28
BOX = 20
"""Side of the square that a digit is fitted into, pixels. Source of the framing: Y. LeCun et al.,
"Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998), section III.A."""
SUPERSAMPLING = 5
STAMPS = 96
"""Discs along the path of one digit, enough that those of the thinnest pen still overlap."""


def synthetic_digits(seed: int = 0) -> Arrays:
    """Draw as many zeros and ones as MNIST has, in random order.

    Args:
        seed: determines every pixel; the same seed, NumPy and Pillow give the same bytes.

    Returns:
        ``x_train, y_train, x_test, y_test``: images uint8 [N, 28, 28, 1], white ink (255) on
        black, and labels int64 [N], 0 or 1; N is 12665 and 2115.
    """
    rng = np.random.default_rng(seed)
    return *_split(rng, *TRAIN_COUNTS), *_split(rng, *TEST_COUNTS)


def _split(rng: np.random.Generator, zeros: int, ones: int) -> tuple[Images, Labels]:
    pen = np.concatenate([_zeros(rng, zeros), _ones(rng, ones)])
    labels = np.repeat(np.arange(2), [zeros, ones])
    order = rng.permutation(len(labels))
    return _centre(_draw(_fit(rng, pen[order]))), labels[order]


def _zeros(rng: np.random.Generator, count: int) -> Floats:
    """Sample closed, open and overlapping loops: x, y and radius of each disc, [count, STAMPS, 3].

    Unit of length: the half-height of an upright loop. y points down.
    """
    column = (count, 1)
    along = np.linspace(0, 1, STAMPS)
    # Written from somewhere near the top, counter-clockwise as a rule; the end misses the start.
    start = rng.normal(-np.pi / 2, 0.5, column)
    turn = np.where(rng.random(column) < 0.85, -1, 1)
    sweep = 2 * np.pi * np.clip(rng.normal(1.03, 0.08, column), 0.8, 1.35)
    angle = start + turn * sweep * along
    distance = 1 + rng.normal(0, 0.08, column) * along
    for frequency, size in ((2, 0.07), (3, 0.07), (4, 0.03), (5, 0.015)):
        distance += rng.normal(0, size, column) * np.cos(frequency * angle + _phase(rng, count))
    curl = rng.choice([0, 1], column, p=[0.75, 0.25]) * rng.uniform(0.1, 0.8, column)
    distance -= curl * np.clip((along - 0.85) / 0.15, 0, 1) ** 2
    aspect = np.clip(rng.normal(0.72, 0.2, column), 0.3, 1.2)
    x, y = aspect * distance * np.cos(angle), distance * np.sin(angle)
    x, y = _rotate(x, y, rng.normal(0.15, 0.2, column))
    x -= rng.normal(0.18, 0.2, column) * y
    radius = 0.155 * np.exp(rng.normal(0, 0.28, column)) * _pressure(rng, count)
    radius = np.minimum(radius, 0.45 * aspect)  # even a narrow zero has a hole
    return np.stack([x, y, radius], axis=-1)


def _ones(rng: np.random.Generator, count: int) -> Floats:
    """Sample stems, some with a flag at the top and a base: discs as in :func:`_zeros`.

    Unit of length: the height of an upright stem.
    """
    column = (count, 1)
    stem, flag, base = np.linspace(0, 1, 48), np.linspace(0, 1, 20), np.linspace(-1, 1, 28)
    bow, wave, hook = (rng.normal(0, size, column) for size in (0.035, 0.02, 0.04))
    stem_x = bow * 4 * stem * (1 - stem) + wave * np.sin(2 * np.pi * stem) + hook * stem**4
    stem_y = np.broadcast_to(stem, stem_x.shape)
    # An absent flag or base has length 0: its discs fall on the end of the stem.
    has_flag = rng.random(column) < 0.15
    has_base = rng.random(column) < np.where(has_flag, 0.4, 0.02)
    length = has_flag * rng.uniform(0.12, 0.55, column)
    drop = rng.uniform(0.0, 1.2, column)
    flag_x, flag_y = -length * flag, length * drop * flag ** rng.uniform(0.8, 1.6, column)
    reach = has_base * rng.uniform(0.12, 0.4, column)
    base_x = stem_x[:, -1:] + reach * (base + rng.uniform(-0.3, 0.3, column))
    base_y = 1 + reach * base * rng.normal(0, 0.1, column)
    x = np.concatenate([stem_x, flag_x, base_x], axis=1)
    y = np.concatenate([stem_y, flag_y, base_y], axis=1)
    x -= rng.normal(0.22, 0.27, column) * (y - 0.5)
    radius = 0.072 * np.exp(rng.normal(0, 0.36, column)) * _pressure(rng, count)
    radius = np.maximum(radius, 0.033)  # even a hairline is white in its middle
    return np.stack([x, y, radius], axis=-1)


def _phase(rng: np.random.Generator, count: int) -> Floats:
    return rng.uniform(0, 2 * np.pi, (count, 1))


def _rotate(x: Floats, y: Floats, angle: Floats) -> tuple[Floats, Floats]:
    return x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)


def _pressure(rng: np.random.Generator, count: int) -> Floats:
    """Sample the pressure of the pen along the path, about 1: [count, STAMPS]."""
    along = np.linspace(0, 2 * np.pi, STAMPS)
    pressure = np.ones((count, STAMPS))
    for frequency, size in ((0.5, 0.1), (1, 0.1), (2, 0.06), (7, 0.04), (15, 0.04)):
        wave = np.sin(frequency * along + _phase(rng, count))
        pressure += rng.normal(0, size, (count, 1)) * wave
    return pressure.clip(0.4)


def _fit(rng: np.random.Generator, pen: Floats) -> Floats:
    """Scale the ink's longer side to BOX and centre the shorter one, up to half a pixel off.

    Args:
        rng: source of the half pixel.
        pen: x, y and radius of each disc, [count, STAMPS, 3].

    Returns:
        left, top, right and bottom of each disc in a BOX × BOX square, [count, STAMPS, 4].
    """
    centre, radius = pen[..., :2], pen[..., 2:]
    low, high = (centre - radius).min(axis=1), (centre + radius).max(axis=1)
    size = high - low
    scale = BOX / size.max(axis=1, keepdims=True)
    free = BOX - size * scale
    place = free / 2 + rng.uniform(-0.5, 0.5, free.shape) * free.clip(max=1)
    centre = (centre - low[:, None]) * scale[:, None] + place[:, None]
    radius = radius * scale[:, None]
    return np.concatenate([centre - radius, centre + radius], axis=-1)


def _draw(discs: Floats) -> Images:
    """Draw each row of discs, anti-aliased: [count, STAMPS, 4] to [count, BOX, BOX]."""
    drawn = np.empty((len(discs), BOX, BOX), np.uint8)
    for image, corners in zip(drawn, discs * SUPERSAMPLING, strict=True):
        canvas = Image.new("L", (BOX * SUPERSAMPLING, BOX * SUPERSAMPLING))
        pen = ImageDraw.Draw(canvas)
        for disc in corners.tolist():
            pen.ellipse(disc, fill=255)
        image[:] = np.asarray(canvas.reduce(SUPERSAMPLING))
    return drawn


def _centre(drawn: Images) -> Images:
    """Move each centre of mass to pixel 14, whole pixels: [count, BOX, BOX] to [count, 28, 28, 1].

    Whole pixels as in MNIST, whose centres of mass all lie between 13.5 and 14.5.
    """
    pixel = np.arange(BOX)
    mass = drawn.sum(axis=(1, 2), dtype=np.int64)
    centre = np.stack([drawn.sum(axis=2) @ pixel, drawn.sum(axis=1) @ pixel], axis=1)
    corner = np.rint(SIDE // 2 - centre / mass[:, None]).astype(np.int64)
    rows, columns = np.moveaxis(corner.clip(0, SIDE - BOX)[..., None] + pixel, 1, 0)
    framed = np.zeros((len(drawn), SIDE, SIDE, 1), np.uint8)
    framed[np.arange(len(drawn))[:, None, None], rows[:, :, None], columns[:, None, :], 0] = drawn
    return framed
