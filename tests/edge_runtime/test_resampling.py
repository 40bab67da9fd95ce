"""Resizing by integers gives Pillow's bytes."""

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from edge_runtime.image import prepare
from edge_runtime.resampling import PRECISION, taps

Pixels = npt.NDArray[np.uint8]


def resized(pixels: Pixels, size: int) -> Pixels:
    """Resize the first axis by its taps."""
    result = np.empty((size, *pixels.shape[1:]), np.uint8)
    for i, one in enumerate(taps(len(pixels), size)):
        rows = pixels[one.first : one.first + len(one.weights)].astype(np.int64)
        sums = np.tensordot(np.array(one.weights), rows, 1)
        result[i] = sums + (1 << (PRECISION - 1)) >> PRECISION
    return result


@pytest.mark.parametrize("seed", range(40))
def test_rows_and_columns_are_resized_as_pillow_does(seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width, rows, columns = map(int, random.integers(1, 200, 4))
    image = random.integers(0, 256, (rows, columns)).astype(np.uint8)
    if seed % 3 == 0:
        image = np.where(image > 127, 255, 0).astype(np.uint8)
    expected = prepare(image, height, width, 1, "resize").pixels[:, :, 0]
    assert np.array_equal(resized(resized(image.T, width).T, height), expected)
    # Each pass is Pillow's own, whatever its order of both.
    across = PIL.Image.fromarray(image).resize((width, rows), PIL.Image.Resampling.HAMMING)
    assert np.array_equal(resized(image.T, width).T, np.asarray(across))


def test_weights_are_those_of_a_mean() -> None:
    for source, size in (1, 9), (640, 96), (97, 96), (96, 96), (2000, 7):
        for one in taps(source, size):
            assert abs(sum(one.weights) - (1 << PRECISION)) < 64
            assert min(one.weights) >= 0
            assert 0 <= one.first <= source - len(one.weights)
