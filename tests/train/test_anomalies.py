"""Classes as normal inputs and anomalies, several labels for an input, and held-out inputs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgekit.errors import DataError
from edgekit.train.anomalies import judged, normal_classes
from edgekit.train.data import labels_of, load
from edgekit.train.dataset import Dataset
from edgekit.train.held_out import held_out


def dataset_of(train: list[int], test: list[int], labels: tuple[str, ...]) -> Dataset:
    x_train, x_test = (np.arange(len(y) * 2.0).reshape(-1, 2) for y in (train, test))
    arrays = x_train, np.array(train, np.int64), x_test, np.array(test, np.int64)
    return Dataset(*arrays, labels, "d", "", "d", "resize")


def saved(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


def test_classes_that_training_lacks_are_anomalies(tmp_path: Path) -> None:
    x = np.zeros((6, 3), np.float32)
    y_train, y_test = ["ok"] * 6, ["ok", "scratch", "dent", "ok", "dent", "ok"]
    source = saved(tmp_path / "a.npz", x_train=x, y_train=y_train, x_test=x, y_test=y_test)
    with pytest.raises(DataError, match="class 'dent' is not among the training classes"):
        load(source, None, (3,))
    dataset = load(source, None, (3,), may_lack=True)
    assert dataset.labels == ("dent", "ok", "scratch")
    normal = normal_classes(dataset, stated=False)
    assert normal is not None
    assert normal.reason == "the training part has no others"
    seen = judged(dataset, normal)
    assert seen.labels == ("ok", "anomaly")
    assert seen.y_test.tolist() == [0, 1, 1, 0, 1, 0]
    assert set(seen.y_train.tolist()) == {0}
    assert seen.sha256 == dataset.sha256


def test_a_name_tells_the_normal_class() -> None:
    dataset = dataset_of([0, 1], [1, 0], ("Broken", "Good"))
    normal = normal_classes(dataset, stated=False)
    assert normal is not None
    assert (normal.classes, normal.reason) == ((1,), "its name")
    seen = judged(dataset, normal)
    assert (seen.labels, seen.y_test.tolist()) == (("Good", "Broken"), [0, 1])


def test_classes_of_another_kind_are_no_anomalies_unless_the_user_says_so() -> None:
    dataset = dataset_of([0, 1, 2], [2, 1, 0], ("0", "1", "2"))
    assert normal_classes(dataset, stated=False) is None
    normal = normal_classes(dataset, stated=True)
    assert normal is not None
    assert normal.reason == "the first class"
    assert judged(dataset, normal).y_test.tolist() == [1, 1, 0]


def test_rows_of_several_labels_are_targets(tmp_path: Path) -> None:
    x = np.zeros((10, 3), np.float32)
    y = np.array([[1, 1, 0], [0, 0, 0]] * 5)
    dataset = load(saved(tmp_path / "m.npz", x=x, y=y), ("a", "b", "c"), (3,), numbers=False)
    assert (dataset.labels, dataset.y_test.dtype) == ((), np.float32)
    assert labels_of(dataset.y_test) == 3
    with pytest.raises(DataError, match="leave --classes out"):
        load(str(tmp_path / "m.npz"), ("a", "b"), (3,))
    assert labels_of(np.array([[0.0, 1.5]])) == 0
    assert labels_of(np.array([[0.0], [1.0]])) == 0
    assert labels_of(np.array([0, 1])) == 0


def test_the_last_training_inputs_are_held_out() -> None:
    dataset = dataset_of(list(range(10)), [0], tuple("0123456789"))
    x, y = held_out(dataset)
    assert y.tolist() == [8, 9]
    assert x.tolist() == dataset.x_train[8:].tolist()
    assert held_out(dataset, 0.5)[1].tolist() == [5, 6, 7, 8, 9]


def test_a_folder_whose_training_part_has_normal_pictures_only(tmp_path: Path) -> None:
    for part, kinds in ("train", ["good"]), ("test", ["bent", "good", "torn"]):
        for number, kind in enumerate(kinds):
            folder = tmp_path / part / kind
            folder.mkdir(parents=True)
            for index in range(3):
                level = 40 * number + 10 * index
                Image.new("L", (8, 8), level).save(folder / f"{index}.png")
    with pytest.raises(DataError, match="expected at least two class folders, found 1"):
        load(str(tmp_path), None, (8, 8, 1))
    dataset = load(str(tmp_path), None, (8, 8, 1), may_lack=True)
    assert dataset.labels == ("bent", "good", "torn")
    assert (set(dataset.y_train.tolist()), len(dataset.x_test)) == ({1}, 9)
    normal = normal_classes(dataset, stated=False)
    assert normal is not None
    assert judged(dataset, normal).y_test.tolist() == [1, 1, 1, 0, 0, 0, 1, 1, 1]
    (tmp_path / "train" / "odd").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "train" / "odd" / "0.png")
    with pytest.raises(DataError, match="do not have the same classes: 'bent'"):
        load(str(tmp_path), None, (8, 8, 1), may_lack=True)
