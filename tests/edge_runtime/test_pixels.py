"""What Pillow calculates for pictures, by its definition in NumPy."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge_runtime import InputError
from edge_runtime.digit import framed
from edge_runtime.image import look, prepare
from edge_runtime.light import threshold

pytestmark = pytest.mark.unsanitized


def luma(colours: Any) -> Any:
    """ITU-R BT.601 in whole numbers."""
    return colours.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32) + 0x8000 >> 16


def test_grey_is_the_luma() -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8)

    pixels = prepare(image, 300, 300, 1, "resize").pixels[:, :, 0]
    np.testing.assert_array_equal(pixels, luma(image))


@pytest.mark.parametrize(("ground", "level"), [("white", 255), ("black", 0)])
def test_every_opacity_of_every_level(ground: str, level: int) -> None:
    colour, alpha = np.indices((256, 256))
    image = np.dstack([colour, colour[::-1], 255 - colour, alpha]).astype(np.uint8)

    pixels = prepare(image, 256, 256, 3, "resize", ground=ground).pixels
    colours, shares = image[:, :, :3].astype(int), alpha[:, :, None]
    expected = (colours * shares + level * (255 - shares) + 127) // 255
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("seed", range(20))
def test_the_ground_contrasts_with_the_mean_of_what_covers_it(seed: int) -> None:
    """Even where that is but a little darker or lighter than the middle."""
    random = np.random.default_rng(seed)
    image = random.integers(100, 156, (5, 7, 4)).astype(np.uint8)
    image[:, :, 3] = random.integers(0, 256, (5, 7))
    weighed = (luma(image[:, :, :3]).astype(int) * image[:, :, 3]).sum()
    ground = "white" if weighed < 128 * image[:, :, 3].astype(int).sum() else "black"

    expected = prepare(image, 5, 7, 3, "resize", ground=ground).pixels
    np.testing.assert_array_equal(prepare(image, 5, 7, 3, "resize").pixels, expected)


@pytest.mark.parametrize("shape", [(300, 500), (128, 257), (9, 1000)])
def test_a_sample_shows_whether_there_are_colours(shape: tuple[int, int]) -> None:
    """Every so many rows and columns, from the first: so many coloured pixels, or one more."""
    down, across = (max(1, side // 128) for side in shape)
    image = np.full((*shape, 3), 120, np.uint8)
    sample = image[::down, ::across]
    count = int(0.005 * sample.shape[0] * sample.shape[1])
    chosen = np.random.default_rng(0).permutation(sample.shape[0] * sample.shape[1])[: count + 1]
    rows, columns = chosen // sample.shape[1] * down, chosen % sample.shape[1] * across

    image[rows[:-1], columns[:-1], 2] = 120 + 25
    image[rows[-1], columns[-1], 2] = 120 + 24
    assert not look(image).coloured
    image[rows[-1], columns[-1], 2] = 120 + 25
    assert look(image).coloured


@pytest.mark.parametrize("top", [255, 1023, 4095, 16383, 65535])
@pytest.mark.parametrize("mode", ["I", "I;16", "I;16B"])
def test_wide_integers_of_pillow_are_rounded_as_arrays_are(top: int, mode: str) -> None:
    levels = np.resize(np.arange(top, -1, -1, dtype=np.int32), (256, 256))
    kinds = {"I": "<i4", "I;16": "<u2", "I;16B": ">u2"}
    content = levels.astype(kinds[mode]).tobytes()
    image = Image.frombytes(mode, (256, 256), content)

    expected = np.rint(levels * (255 / top))
    for source in image, levels:
        pixels = prepare(source, 256, 256, 1, "resize").pixels[:, :, 0]
        np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("top", [1, 255])
def test_floats_of_pillow_are_rounded_as_arrays_are(top: int) -> None:
    halves = (np.arange(255, dtype=np.float32) + np.float32(0.5)) / np.float32(255 / top)
    near = [np.nextafter(halves, np.float32(end)) for end in (0, np.inf)]
    random = np.random.default_rng(0).random(64 * 64 - 3 * 255 - 1) * top
    levels = np.concatenate([halves, *near, random, [top]]).astype(np.float32).reshape(64, 64)

    expected = np.rint(levels * (255 / top))
    for source in Image.fromarray(levels), levels:
        pixels = prepare(source, 64, 64, 1, "resize").pixels[:, :, 0]
        np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -0.1, 256])
def test_floats_of_pillow_that_are_no_levels(bad: float) -> None:
    levels = np.full((4, 4), 0.5, np.float32)
    levels[3, 3] = bad

    with pytest.raises(InputError, match="not in the range 0 to"):
        prepare(Image.fromarray(levels), 4, 4, 1, "resize")


def otsu_by_definition(levels: Any) -> float:
    """The threshold of the greatest variance between the classes, in 256 steps."""
    low, high = float(levels.min()), float(levels.max())
    step = (high - low) / 255
    steps = ((levels.ravel() - np.float32(low)) / np.float32(step)).astype(np.intp)
    counts = np.bincount(steps, minlength=256)
    share = np.cumsum(counts) / levels.size
    sums = np.cumsum(counts * np.arange(256)) / levels.size
    between = (sums[-1] * share - sums) ** 2 / np.maximum(share * (1 - share), 1e-12)
    return low + (int(between.argmax()) + 0.5) * step


@pytest.mark.parametrize("seed", range(30))
def test_a_framed_digit_is_told_by_its_border(seed: int) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(*sorted(random.integers(0, 257, 2)), (13, 9), endpoint=True)
    image = image.clip(0, 255).astype(np.uint8)
    # With a row and a column the ground is most of the border, and is not without one of them.
    ground = random.integers(0, 256) if seed % 2 else random.choice([0, 30, 35, 230, 255])
    image[[0, -1]] = image[:, -(seed % 4 < 2)] = ground

    assert np.median([*image[0], *image[-1], *image[:, 0], *image[:, -1]]) == ground
    expected = otsu_by_definition(image)
    assert threshold(np.bincount(image.ravel(), minlength=256).tolist()) == expected
    inverted = ground > expected
    light = 255 - image if inverted else image
    even = (255 - ground if inverted else ground) <= 32
    done = framed(Image.fromarray(image), None)
    assert (done is not None) == (even and np.ptp(image) >= 32)
    if done:
        assert done[1] == inverted
        np.testing.assert_array_equal(np.asarray(done[0]), light)
