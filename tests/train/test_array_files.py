"""An .npz whose training and test part differ: both together decide what they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.errors import DataError
from edgekit.train.arrays import from_npz
from edgekit.train.data import load
from edgekit.train.dataset import Dataset

pytestmark = pytest.mark.unsanitized

X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8)
SEVERAL = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0]] * 3)
ONE_HOT = np.eye(3, dtype=np.int64)[np.arange(12) % 3]


def loaded(path: Path, y_train: Any, y_test: Any, numbers: bool | None = None) -> Dataset:
    np.savez(path / "a.npz", x_train=X, y_train=y_train, x_test=X, y_test=y_test)
    return load(str(path / "a.npz"), None, None, numbers=numbers)


WHOLE = np.arange(12) % 3


@pytest.mark.parametrize(
    ("y_train", "y_test", "shown"),
    [
        (WHOLE / 2, WHOLE, r"y_train is float64 \[12\] and y_test is int64 \[12\]"),
        (WHOLE.astype(float), WHOLE, r"y_train is float64 \[12\] and y_test is int64 \[12\]"),
        (WHOLE, WHOLE / 2, r"y_train is int64 \[12\] and y_test is float64 \[12\]"),
        (WHOLE / 2, WHOLE.astype(str), r"y_train is float64 \[12\] and y_test is <U21 \[12\]"),
        (SEVERAL, WHOLE, r"y_train is int64 \[12, 3\] and y_test is int64 \[12\]"),
        (WHOLE, SEVERAL, r"y_train is int64 \[12\] and y_test is int64 \[12, 3\]"),
        (SEVERAL, np.eye(4)[WHOLE], r"y_train is int64 \[12, 3\] and y_test is float64 \[12, 4\]"),
    ],
)
def test_targets_and_classes_are_not_mixed(
    y_train: Any, y_test: Any, shown: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"{shown}, of which one is targets") as raised:
        loaded(tmp_path, y_train, y_test)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("train", "test"), [(SEVERAL, ONE_HOT), (ONE_HOT, SEVERAL)])
@pytest.mark.parametrize("dtype", [np.int64, np.float32])
@pytest.mark.parametrize("numbers", [None, False])
def test_several_labels_may_be_one_hot_in_one_part(
    train: Any, test: Any, dtype: type, numbers: bool | None, tmp_path: Path
) -> None:
    dataset = loaded(tmp_path, train.astype(dtype), test, numbers)
    assert dataset.labels == ()
    assert sorted(dataset.y_train.tolist()) == sorted(train.tolist())
    assert dataset.y_test.tolist() == test.tolist()


def test_targets_may_be_one_hot_in_one_part(tmp_path: Path) -> None:
    dataset = loaded(tmp_path, X[:, :3], ONE_HOT.astype(float))
    assert (dataset.labels, dataset.y_test.tolist()) == ((), ONE_HOT.tolist())


def test_classes_may_be_one_hot_in_one_part(tmp_path: Path) -> None:
    for train, test in ((ONE_HOT, WHOLE), (WHOLE, ONE_HOT), (ONE_HOT.astype(float), ONE_HOT)):
        dataset = loaded(tmp_path, train, test)
        assert dataset.labels == ("0", "1", "2")
        assert dataset.y_test.tolist() == WHOLE.tolist()


def test_what_the_model_predicts_decides(tmp_path: Path) -> None:
    numbers = loaded(tmp_path, WHOLE / 2, WHOLE, numbers=True)
    assert numbers.y_test.tolist() == WHOLE[:, None].tolist()
    classes = loaded(tmp_path, WHOLE.astype(float), WHOLE, numbers=False)
    assert (classes.labels, classes.y_test.tolist()) == (("0", "1", "2"), WHOLE.tolist())


def test_parts_have_as_many_targets(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\[12, 3\], which have different numbers of targets"):
        loaded(tmp_path, X[:, :2], X[:, :3])


@pytest.mark.parametrize(
    ("train", "test", "shown"),
    [
        (PIXELS, PIXELS / 255, r"x_train is uint8 \[12, 8, 8\] and x_test is float64 \[12, 8, 8\]"),
        (PIXELS / 255, PIXELS, r"x_train is float64 \[12, 8, 8\] and x_test is uint8 \[12, 8, 8\]"),
        (PIXELS, PIXELS.astype(int), r"x_train is uint8 .* and x_test is int64 \[12, 8, 8\]"),
    ],
)
@pytest.mark.parametrize("shape", [None, (8, 8, 1), (64,)])
def test_pixels_and_numbers_are_not_mixed(
    train: Any, test: Any, shown: str, shape: tuple[int, ...] | None, tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", x_train=train, y_train=WHOLE, x_test=test, y_test=WHOLE)
    with pytest.raises(DataError, match=f"{shown}, of which one is pixels") as raised:
        load(str(tmp_path / "a.npz"), None, shape)
    assert "\n" not in str(raised.value)


def test_bytes_of_a_model_of_other_numbers_are_numbers(tmp_path: Path) -> None:
    whole = PIXELS[:, 0, :5]
    np.savez(tmp_path / "a.npz", x_train=whole, y_train=WHOLE, x_test=whole / 2, y_test=WHOLE)
    dataset = load(str(tmp_path / "a.npz"), None, None)
    assert not dataset.pixels
    assert dataset.x_test.tolist() == (whole / 2).tolist()


def test_predict_reads_no_mixture(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=X, y_train=WHOLE / 2, x_test=X, y_test=WHOLE)
    with pytest.raises(DataError, match="of which one is targets"):
        from_npz(tmp_path / "a.npz", numbers=None, may_lack=True)
