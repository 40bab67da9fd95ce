import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edgekit.benchmarks import accuracy, parity, shown
from edgekit.benchmarks.result import Subject
from edgekit.train.dataset import Dataset

OURS = Subject("model.tflite", "", "litert")
KERAS = Subject("model.keras", "", "keras", peer=True)


def scores_of(answers: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.eye(2, dtype=np.float32)[answers]


def test_confusion_has_predictions_in_rows_and_the_first_class_positive(tiny: Dataset) -> None:
    # Truth is 0 0 0 0 0 1 1 1 1 1: four TP, one FN, three TN, two FP.
    result = accuracy.measure(OURS, scores_of([0, 0, 0, 0, 1, 1, 1, 1, 0, 0]), tiny)
    assert result.summary["confusion"] == [[4, 2], [1, 3]]
    assert result.summary["wrong"] == [4, 8, 9]
    assert result.summary["accuracy"] == 0.7
    assert result.samples == (0, 0, 0, 0, 1, 1, 1, 1, 0, 0)


def test_wrong_images_come_along_as_pictures(tiny: Dataset) -> None:
    result = accuracy.measure(OURS, scores_of([0, 0, 0, 1, 0, 1, 1, 1, 1, 1]), tiny)
    (picture,) = result.summary["pictures"]
    assert (picture["index"], picture["true"]) == (3, "0")
    image = Image.open(io.BytesIO(base64.b64decode(picture["png"])))
    np.testing.assert_array_equal(np.asarray(image), tiny.x_test[3, ..., 0])


def test_colour_images_keep_their_colours() -> None:
    image = np.random.default_rng(1).integers(0, 256, (4, 5, 3), np.uint8)
    decoded = Image.open(io.BytesIO(base64.b64decode(shown.png(image))))
    np.testing.assert_array_equal(np.asarray(decoded), image)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_not_finite_fail(tiny: Dataset, value: float) -> None:
    scores = scores_of([0] * 10)
    scores[3, 1] = value
    assert accuracy.measure(OURS, scores, tiny).status == "failed"


def test_scores_of_other_classes_fail(tiny: Dataset) -> None:
    result = accuracy.measure(OURS, np.zeros((10, 3), np.float32), tiny)
    assert (result.status, result.reason) == ("failed", "scores of shape [10, 3], expected [10, 2]")


def test_parity_names_the_images_that_differ() -> None:
    expected, scores = scores_of([0, 0, 1, 1]), scores_of([0, 1, 1, 1])
    scores[2] = 0.25, 0.75
    result = parity.compare(OURS, scores, KERAS, expected)
    assert result.summary["differ"] == [1]
    assert (result.summary["same"], result.summary["share"]) == (3, 0.75)
    assert result.summary["reference"] == "model.keras on keras"
    assert result.samples == (0, 1, 0.25, 0)


def test_parity_of_any_two_follows_from_their_answers(tiny: Dataset) -> None:
    one = accuracy.measure(OURS, scores_of([0] * 10), tiny)
    other = accuracy.measure(KERAS, scores_of([0] * 7 + [1] * 3), replace(tiny))
    assert parity.differing(one, other) == 3
