import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edge_runtime.front_end import Audio
from edgekit.benchmarks.shown import LOUD, MOST_POINTS, MOST_VALUES, QUIET, shown
from edgekit.train.dataset import Dataset


def data_of(tiny: Dataset, inputs: np.ndarray) -> Dataset:
    return replace(tiny, x_train=inputs, x_test=inputs)


def decoded(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


@pytest.mark.parametrize("shape", [(9, 8, 3), (9, 8, 1), (9, 8)])
def test_pixels_are_a_picture(tiny: Dataset, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    found = shown(data_of(tiny, pixels), 1)
    assert set(found) == {"png"}
    np.testing.assert_array_equal(decoded(found["png"]), pixels[1].squeeze())


def test_sound_has_time_to_the_right_and_high_bands_at_the_top(tiny: Dataset) -> None:
    features = np.zeros((1, 5, 3, 1), np.uint8)
    features[0, 4, 2] = 255  # the last window, the highest band
    found = decoded(shown(replace(data_of(tiny, features), audio=Audio()), 0)["png"])
    assert found.shape == (3, 5, 3)
    loud = [tuple(found[y, x]) for y, x in ((0, 4), (2, 0))]
    assert ["#{:02x}{:02x}{:02x}".format(*colour) for colour in loud] == [LOUD, QUIET]


def test_a_window_has_a_curve_for_each_channel(tiny: Dataset) -> None:
    window = np.arange(1000, dtype=np.float32)[None, :, None] * [1, -1, 0.5]
    curves = shown(data_of(tiny, window.astype(np.float32)), 0)["curves"]
    assert len(curves) == 3
    assert {len(curve) for curve in curves} == {MOST_POINTS}
    assert [curve[0] for curve in curves] == [0, 0, 0]
    assert [curve[-1] for curve in curves] == [999, -999, 499.5]


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 1, 1)])
def test_one_channel_is_one_curve(tiny: Dataset, shape: tuple[int, ...]) -> None:
    window = np.arange(10, dtype=np.float32).reshape(2, *shape)
    assert shown(data_of(tiny, window), 1) == {"curves": [[5, 6, 7, 8, 9]]}


def test_a_row_of_a_table_has_names_and_values(tiny: Dataset) -> None:
    rows = np.arange(20, dtype=np.float32).reshape(2, 10) / 3
    table = replace(data_of(tiny, rows), features=tuple("abcdefghij"))
    found = shown(table, 1)
    assert found["values"][:2] == [["a", 3.333], ["b", 3.667]]
    assert (len(found["values"]), found["more"]) == (MOST_VALUES, 10 - MOST_VALUES)


@pytest.mark.parametrize("shape", [(4, 5, 6, 7), (4, 40), (1,)])
def test_other_shapes_are_not_drawn(tiny: Dataset, shape: tuple[int, ...]) -> None:
    assert shown(data_of(tiny, np.zeros((2, *shape), np.float32)), 0) == {}
