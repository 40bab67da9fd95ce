"""The calibration set and its lint."""

import numpy as np
import pytest

from edgekit.convert.calibration import from_array, from_inputs, lint, stratified
from edgekit.errors import DataError

UNIT = (0.0, 1.0)


def test_even_over_the_classes_seeded_and_without_repeats() -> None:
    labels = np.array([0] * 900 + [1] * 90 + [2] * 10)
    chosen = stratified(labels, 90, seed=3)
    assert np.bincount(labels[chosen]).tolist() == [40, 40, 10]
    assert len(set(chosen.tolist())) == 90
    assert np.array_equal(chosen, stratified(labels, 90, seed=3))
    assert not np.array_equal(chosen, stratified(labels, 90, seed=4))


def test_more_than_there_are_takes_all() -> None:
    assert stratified(np.array([1, 0, 1]), 500, seed=0).tolist() == [0, 1, 2]


def test_counts_are_recorded() -> None:
    inputs = np.linspace(0, 1, 400, dtype=np.float32).reshape(200, 2)
    labels = np.array([0, 1] * 100)
    calibration = from_inputs(inputs, labels, "mnist", 101, 0, UNIT)
    assert calibration.counts == (50, 51)
    assert calibration.samples == 101
    assert calibration.warnings == ()


def samples(low: float, high: float, dtype: str = "float32", count: int = 200) -> np.ndarray:
    return np.linspace(low, high, count * 4).reshape(count, 4).astype(dtype)


@pytest.mark.parametrize(
    ("array", "input_range", "said"),
    [
        (samples(0, 255), UNIT, "0-255 pixels fed to a 0-1 model"),
        (samples(0, 255, "uint8"), UNIT, "dtype is uint8"),
        (samples(0, 1, "float64"), UNIT, "dtype is float64"),
        (samples(0, 1), (0.0, 255.0), "spans only 0 to 1 of the 0 to 255"),
        (samples(-1, 1), UNIT, "spans -1 to 1"),
        (samples(0, 0.2), UNIT, "spans only 0 to 0.2"),
        (samples(0, 1, count=20), UNIT, "only 20 samples"),
    ],
)
def test_lint_warns(array: np.ndarray, input_range: tuple[float, float], said: str) -> None:
    assert any(said in warning for warning in lint(array, input_range))


def test_lint_is_silent_about_a_good_set() -> None:
    assert lint(samples(0, 1), UNIT) == ()
    assert lint(samples(0, 255), (0.0, 255.0)) == ()
    assert lint(samples(-1, 1), (-1.0, 1.0)) == ()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_a_number_is_refused(value: float) -> None:
    array = samples(0, 1)
    array[3, 3] = value
    with pytest.raises(DataError, match="NaN or infinity"):
        lint(array, UNIT)


def test_a_users_array_must_fit_the_model() -> None:
    assert from_array(samples(0, 1), "a.npy", (4,), 150, 0, UNIT).samples == 150
    assert (
        from_array(samples(0, 255, "uint8"), "a.npy", (4,), 9, 0, UNIT).inputs[0].dtype
        == np.float32
    )
    with pytest.raises(DataError, match=r"a\.npy: expected an array \[N, 28, 28, 1\]"):
        from_array(samples(0, 1), "a.npy", (28, 28, 1), 100, 0, UNIT)
    with pytest.raises(DataError, match="expected numbers"):
        from_array(np.array([["a"]]), "a.npy", (1,), 1, 0, UNIT)
    with pytest.raises(DataError, match="expected an array"):
        from_array(np.zeros((0, 4), np.float32), "a.npy", (4,), 1, 0, UNIT)
