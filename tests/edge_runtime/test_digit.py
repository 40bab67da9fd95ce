"""Digits in any light are read, or refused; they are never mistaken for another digit."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from edge_runtime import InputError
from edge_runtime.image import prepare
from edgekit.train import mnist

pytestmark = pytest.mark.unsanitized

DIGITS = 100
LEAST = 0.9

Array = npt.NDArray[Any]
Light = Callable[[Array, Array], Array]
Colour = float | tuple[int, int, int]


def slope(steepness: float, angle: float = 0.0) -> Light:
    return lambda u, v: 1 + steepness * (u * np.cos(angle) + v * np.sin(angle))


def vignette(strength: float) -> Light:
    return lambda u, v: 1 - strength * (u**2 + v**2)


def shadow(strength: float, angle: float = 0.4, place: float = 0.05) -> Light:
    return lambda u, v: np.where(u * np.cos(angle) + v * np.sin(angle) > place, 1, strength)


def photo(
    paper: Colour,
    ink: Colour,
    noise: float = 6.0,
    light: Light | None = None,
    size: int = 112,
    page: tuple[int, int] | None = None,
    jpeg: int = 0,
) -> Callable[[Array, np.random.Generator], Array]:
    """Return a function (digit uint8 [28, 28], rng) -> a photograph of it.

    Args:
        paper: its grey level, or its RGB colour.
        ink: likewise.
        noise: standard deviation, in grey levels.
        light: a function of u and v, -0.5 to 0.5 across the picture.
        size: of the digit's field, in pixels.
        page: height and width of the page on which the field lies somewhere; None: the field.
        jpeg: quality; 0: not compressed.
    """

    def take(digit: Array, rng: np.random.Generator) -> Array:
        field = Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC)
        height, width = page or (size, size)
        top, left = rng.integers(0, (height - size + 1, width - size + 1))
        cover = np.zeros((height, width))
        cover[top : top + size, left : left + size] = np.asarray(field) / 255
        v, u = (
            axis / side - 0.5
            for axis, side in zip(np.indices(cover.shape), cover.shape, strict=True)
        )
        lit = np.broadcast_to(light(u, v) if light else 1.0, cover.shape)
        if np.ndim(paper):
            cover, lit = cover[:, :, None], lit[:, :, None]
        levels = (np.multiply(paper, 1 - cover) + np.multiply(ink, cover)) * lit
        levels = np.clip(levels + rng.normal(0, noise, levels.shape), 0, 255).astype(np.uint8)
        if not jpeg:
            return levels
        file = io.BytesIO()
        Image.fromarray(levels).save(file, "JPEG", quality=jpeg)
        return np.asarray(Image.open(file))

    return take


CONDITIONS = {
    "even light": photo(200, 40),
    "slope of 30 %": photo(200, 40, light=slope(0.3)),
    "slope of 30 % on grey": photo(150, 30, light=slope(0.3)),
    "slope of 60 %, diagonal": photo(200, 40, light=slope(0.6, np.pi / 4)),
    "slope of 100 %, from below": photo(160, 30, light=slope(1.0, -np.pi / 2)),
    "vignette": photo(130, 30, light=vignette(0.5)),
    "strong vignette": photo(200, 40, light=vignette(1.5)),
    "grey paper": photo(120, 30, noise=0),
    "grey paper, noise": photo(120, 30, noise=10),
    "dark paper": photo(60, 15, noise=4),
    "shadow": photo(200, 40, light=shadow(0.5)),
    "shadow on a page": photo(200, 40, light=shadow(0.5), page=(225, 300)),
    "chalk": photo(50, 220, light=vignette(1.0)),
    "light ink on grey": photo(140, 230),
    "faint": photo(130, 115, noise=0),
    "JPEG": photo(190, 50, noise=4, light=slope(0.4), jpeg=20),
    "small": photo(120, 30, light=slope(0.3), size=56),
    "large": photo(200, 40, light=slope(0.5, 1.0), size=200),
    "blue on black": photo((0, 0, 0), (0, 0, 255), noise=0),
    "red on green": photo((0, 130, 0), (255, 0, 0), noise=5, light=slope(0.3)),
}


@pytest.fixture(scope="module")
def digits() -> tuple[Array, Array]:
    _, _, x_test, y_test = mnist.load()
    return x_test[:DIGITS].reshape(-1, 28, 28), y_test[:DIGITS]


@pytest.fixture(scope="module")
def answer() -> Callable[[Array], Array]:
    """A classifier that needs no training: the nearest of 10,000 training images."""
    x_train, y_train, *_ = mnist.load()
    examples, labels = x_train[:10000].reshape(-1, 784).astype(np.float32) / 255, y_train[:10000]
    norms = (examples**2).sum(1) / 2

    def nearest(images: Array) -> Array:
        return labels[(norms - images.reshape(-1, 784) / np.float32(255) @ examples.T).argmin(1)]

    return nearest


@pytest.mark.mnist
def test_framed_digits_are_not_changed(digits: tuple[Array, Array]) -> None:
    for image in digits[0]:
        for picture in (image, 255 - image):
            prepared = prepare(picture, 28, 28, 1, "digit")
            np.testing.assert_array_equal(prepared.pixels[:, :, 0], image)


@pytest.mark.mnist
@pytest.mark.parametrize("name", CONDITIONS)
def test_digits_are_read_in_this_light(
    name: str, digits: tuple[Array, Array], answer: Callable[[Array], Array]
) -> None:
    rng = np.random.default_rng(0)
    images, true = digits
    photos = [CONDITIONS[name](image, rng) for image in images]
    framed = np.stack([prepare(one, 28, 28, 1, "digit").pixels for one in photos])

    assert (answer(framed) == true).mean() >= LEAST


def ground(paper: float, noise: float = 0.0, light: Light | None = None, size: int = 112) -> Array:
    """A page without ink."""
    rng = np.random.default_rng(0)
    return photo(paper, paper, noise, light, size)(np.zeros((28, 28), np.uint8), rng)


BLANK = {
    "even": ground(200),
    "noise": ground(128, 40),
    "slope": ground(200, light=slope(0.4)),
    "slope and noise": ground(200, 6, slope(0.6, 1.0)),
    "vignette": ground(180, light=vignette(1.0)),
    "vignette and noise": ground(180, 8, vignette(1.0), 300),
    "shadow": ground(200, light=shadow(0.6)),
    "shadow and noise": ground(200, 6, shadow(0.6)),
    "nothing but noise": np.random.default_rng(0).integers(0, 256, (112, 112)).astype(np.uint8),
    "coloured noise": np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8),
    "texture": ground(128, 40, size=224).reshape(56, 4, 56, 4).mean((1, 3)).astype(np.uint8),
}


@pytest.mark.parametrize("name", BLANK)
def test_a_page_without_ink_is_blank_in_any_light(name: str) -> None:
    with pytest.raises(InputError, match=r"blank: there is no ink on it.*; use a bolder pen"):
        prepare(BLANK[name], 28, 28, 1, "digit")


def test_a_photograph_of_twelve_megapixels() -> None:
    page = Image.new("RGB", (4000, 3000), (200, 190, 180))
    page.paste((30, 40, 120), (1900, 1200, 2000, 1800))

    pixels = prepare(np.asarray(page), 28, 28, 1, "digit").pixels[:, :, 0]

    rows, columns = (np.flatnonzero((pixels > 64).any(axis)) for axis in (1, 0))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) in {(20, 3), (20, 4)}


def test_a_small_picture_on_grey_is_not_mistaken_for_a_framed_one() -> None:
    image = np.full((28, 28), 120, np.uint8)
    image[8:20, 13:16] = 30

    pixels = prepare(image, 28, 28, 1, "digit").pixels[:, :, 0]

    assert pixels[0].max() == 0
    assert pixels[14, 14] == 255
