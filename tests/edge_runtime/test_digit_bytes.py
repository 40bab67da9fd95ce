"""A digit is framed with the same bytes by every machine, release of Python and of Pillow."""

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from edge_runtime.digit import LOGARITHMS, OCTAVE, ONE, _power
from edge_runtime.image import prepare

pytestmark = pytest.mark.unsanitized

Level = Callable[[int, int], int]


def cover(x: int, y: int) -> int:
    """How much of a pixel of 112x112 a seven covers, 0 to 16."""
    points = [(8 * x + 2 * i + 1, 8 * y + 2 * j + 1) for i in range(4) for j in range(4)]
    bar = (180 <= u <= 660 and 200 <= v <= 290 for u, v in points)
    leg = (200 <= v <= 740 and 560 <= u + (v - 200) // 2 <= 660 for u, v in points)
    return sum(one or other for one, other in zip(bar, leg, strict=True))


COVER = [[cover(x, y) for x in range(112)] for y in range(112)]


def noise(x: int, y: int) -> int:
    """-8 to 8, without an order that can be seen."""
    mixed = (x * 374761393 + y * 668265263) & 0xFFFFFFFF
    mixed = (mixed ^ mixed >> 13) * 1274126177 & 0xFFFFFFFF
    return (mixed ^ mixed >> 16) % 17 - 8


def drawn(paper: int, ink: int, light: Level, grain: int = 0) -> bytes:
    """The levels of a photograph of a seven, 112x112; light is in 1/256."""
    return bytes(
        min(
            max(
                (paper * (16 - COVER[y][x]) + ink * COVER[y][x]) * light(x, y) // 4096
                + grain * noise(x, y) // 4,
                0,
            ),
            255,
        )
        for y in range(112)
        for x in range(112)
    )


def even(*_: int) -> int:
    return 256


def slope(x: int, y: int) -> int:
    return 130 + x + y // 8


def vignette(x: int, y: int) -> int:
    return 256 - ((x - 56) ** 2 + (y - 56) ** 2) // 40


def shadow(x: int, y: int) -> int:
    return 256 if 5 * x + 2 * y > 400 else 128


def grey(content: bytes) -> Image.Image:
    return Image.frombytes("L", (112, 112), content)


def page(content: bytes) -> Image.Image:
    """A picture of 1500x1100 with a little on it."""
    field = Image.frombytes("L", (1500, 1100), bytes(200 - x // 20 for x in range(1500)) * 1100)
    field.paste(grey(content), (900, 300))
    return field


PICTURES = {
    "dark": grey(drawn(200, 40, even)),
    "light, slope": grey(drawn(60, 220, slope, 2)),
    "dark, vignette": grey(drawn(190, 30, vignette, 3)),
    "shadow": grey(drawn(200, 40, shadow, 4)),
    "faint": grey(drawn(130, 112, even, 1)),
    "coloured": Image.merge(
        "RGB", [grey(drawn(*pair, slope, 2)) for pair in ((10, 240), (130, 12), (20, 20))]
    ),
    "wide": grey(drawn(200, 40, slope)).resize((200, 31), Image.Resampling.NEAREST),
    "page": page(drawn(155, 20, even)),
}

GOLDEN = {
    "dark": ("8cca9c7fdabc21c120d5442f50bfa4461374d84df5afc753797aae9a63351700", True),
    "light, slope": ("305c0d3bc15f8d4a4bbb8daff096db22fe2a3537b02fa4ad9b8f9bec6b7d9b5e", False),
    "dark, vignette": ("39e1ab770f11587e1bf4ed1da585e6bb3092cf1b9d4fcc8f42cad9192ed14e8e", True),
    "shadow": ("1816bd875484e28a42bd8ebb9138842f37c0168fadebdf58826c3fad27cafe4c", True),
    "faint": ("251829ef8c9c3271f8a6c97bf5384c2f1cc7ff9489b1b1d128428fb71ccfebce", True),
    "coloured": ("f585b3718af55e8d3f5374a381890e429135eefcc5acf63afdb6cd9f6dc7b8dd", False),
    "wide": ("5a198c07bfb4a338384bac1c89dd25eb41ff0f81801165b1bc49dfb190b49390", True),
    "page": ("bb1b87b306c35e6f2f8ade3b009bac6d1186ce1c12f64d0d89d0381bc5da54eb", True),
}
"""SHA-256 of the pixels, and whether the ink is dark."""


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_framed_with_the_same_bytes_everywhere(name: str) -> None:
    prepared = prepare(PICTURES[name], 28, 28, 1, "digit")
    assert (hashlib.sha256(prepared.content).hexdigest(), prepared.inverted) == GOLDEN[name]


def test_no_logarithm_is_decided_by_the_last_bit() -> None:
    """Functions of C libraries differ in it: 2**-52 of a number, and hardly ever in twice that."""
    logarithms = np.log2(np.arange(8, 264)) * OCTAVE
    assert np.rint(logarithms).tolist() == list(LOGARITHMS)
    powers = np.exp2(np.arange(-LOGARITHMS[255], LOGARITHMS[255] + 1) / OCTAVE) * ONE
    assert [_power(one) for one in (-OCTAVE, 0, 3 * OCTAVE)] == [ONE // 2, ONE, 8 * ONE]
    for numbers in logarithms, powers:
        margins = np.abs(numbers - np.floor(numbers) - 0.5) / numbers
        assert margins.min() > 16 * 2**-52


def test_dots_far_apart_are_not_lost() -> None:
    """What is reduced to a fiftieth, and has one pixel."""
    picture = Image.new("L", (1000, 1000), 255)
    for place in (100, 120), (900, 830):
        picture.putpixel(place, 0)

    pixels = prepare(picture, 28, 28, 1, "digit").pixels
    assert pixels.max() == 255
    assert (pixels > 64).sum() < 10
