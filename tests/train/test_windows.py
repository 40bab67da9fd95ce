"""Windows of time series, which cross no boundary."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgekit.errors import DataError
from edgekit.train import data, windows
from edgekit.train.dataset import Dataset
from edgekit.train.reading import Reading

pytestmark = pytest.mark.unsanitized


def load(path: Path, reading: Reading, numbers: bool | None = None) -> Dataset:
    return data.load(str(path), None, None, numbers=numbers, reading=reading)


def recording(path: Path, subjects: int = 6, rows: int = 40) -> Path:
    """Rows that number themselves: each subject walks, then runs."""
    lines = ["subject,activity,a,b"]
    for subject in range(subjects):
        for i in range(rows):
            activity = ("walk", "run")[i >= rows // 2]
            lines.append(f"s{subject},{activity},{subject * 1000 + i},{i}")
    path.write_text("\n".join(lines))
    return path


def test_every_window_of_a_run_and_no_other() -> None:
    begins = np.zeros(20, bool)
    begins[[0, 9, 12]] = True
    assert windows.windows(begins, 4, 2).tolist() == [
        *([0, 4], [2, 6], [4, 8]),
        *([12, 16], [14, 18], [16, 20]),
    ]
    assert windows.too_short(begins, 4) == (1, 9)
    x = np.arange(40).reshape(20, 2)
    found = windows.gathered(x, windows.windows(begins, 4, 2))
    assert found.shape == (6, 4, 2)
    assert np.array_equal(found[1], x[2:6])


def test_a_window_has_one_subject_and_one_activity(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.csv")
    reading = Reading(label=("activity",), features=("a", "b"), group="subject", window=8, stride=4)
    dataset = load(path, reading)
    x = np.concatenate((dataset.x_train, dataset.x_test))
    y = np.concatenate((dataset.y_train, dataset.y_test))
    assert x.shape == (6 * 2 * 4, 8, 2)
    subjects, rows = x[..., 0] // 1000, x[..., 1]
    assert (subjects == subjects[:, :1]).all()
    assert (np.diff(rows, axis=1) == 1).all()
    assert np.array_equal(rows >= 20, np.repeat(np.equal(y, 0)[:, None], 8, axis=1))
    assert dataset.labels == ("run", "walk")
    people = [set(x[:, 0, 0] // 1000) for x in (dataset.x_train, dataset.x_test)]
    assert not people[0] & people[1]
    assert load(path, Reading(**{**vars(reading), "stride": None})).sha256 == dataset.sha256


def test_without_groups_the_last_windows_are_tested_and_share_no_row(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.csv", subjects=1, rows=200)
    dataset = load(path, Reading(label=("activity",), features=("b",), window=10))
    assert dataset.split == {"by": "time", "test_share": 0.2}
    assert dataset.notes == ("2 windows that share rows with test windows are left out",)
    train, test = (set(x.ravel()) for x in (dataset.x_train, dataset.x_test))
    assert not train & test
    for label in (0, 1):
        of_label = (
            dataset.x_train[dataset.y_train == label],
            dataset.x_test[dataset.y_test == label],
        )
        assert of_label[0].max() < of_label[1].min()


def test_a_window_crosses_no_row_left_out(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.csv", subjects=2)
    lines = path.read_text().splitlines()
    lines[10], lines[30], lines[55] = "s0,walk,9,", "s0,run,1", "s1,walk,1,oops"
    path.write_text("\n".join(lines))
    reading = Reading(label=("activity",), features=("b",), window=5, stride=5, skip_bad=True)
    dataset = load(path, reading)
    x = np.concatenate((dataset.x_train, dataset.x_test))
    assert (np.diff(x[..., 0], axis=1) == 1).all()
    assert len(x) == (9 // 5 + 10 // 5) * 2 + 14 // 5 + 5 // 5 + 4


def test_a_target_is_that_of_the_last_row(tmp_path: Path) -> None:
    lines = ["v,level", *(f"{i},{i + 0.5}" for i in range(100))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    dataset = load(tmp_path / "a.csv", Reading(label=("level",), window=10, stride=10))
    assert dataset.x_train.shape == (8, 10, 1)
    assert np.array_equal(dataset.y_train[:, 0], dataset.x_train[:, -1, 0] + 0.5)


def test_files_are_not_joined(tmp_path: Path) -> None:
    for number in range(10):
        lines = ["v", *(str(number * 100 + i) for i in range(15))]
        (tmp_path / f"{number}.csv").write_text("\n".join(lines))
    dataset = load(tmp_path, Reading(window=6, stride=6))
    x = np.concatenate((dataset.x_train, dataset.x_test))
    assert len(x) == 20
    assert (np.diff(x[..., 0], axis=1) == 1).all()
    assert dataset.split["by"] == "group"


def test_files_of_parquet_are_not_joined(tmp_path: Path) -> None:
    for number in range(6):
        columns = {"v": np.arange(15.0) + number * 100, "who": ["same"] * 15}
        pq.write_table(pa.table(columns), tmp_path / f"{number}.parquet")
    dataset = load(tmp_path, Reading(window=6, stride=2, features=("v",)))
    x = np.concatenate((dataset.x_train, dataset.x_test))
    assert len(x) == 6 * 5
    with pytest.raises(DataError, match="the data needs two groups"):
        load(tmp_path, Reading(window=6, features=("v",), group="who"))
    whole = data.read(str(tmp_path), None, reading=Reading(window=6, features=("v",), group="who"))
    assert (np.diff(whole.arrays["x"][..., 0], axis=1) == 1).all()


def test_rows_that_are_too_few_or_not_sorted(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"no 21 rows one after the other .* longest run has 20"):
        load(path, Reading(label=("activity",), features=("a",), window=21))
    short = recording(tmp_path / "b.csv", rows=20)
    with short.open("a") as file:
        file.write("\ns9,run,1,1\ns9,walk,1,1\n")
    reading = Reading(label=("activity",), features=("a",), group="subject", window=10)
    note = "2 runs of fewer than 10 rows are left out; the longest has 10"
    assert note in load(short, reading).notes


def test_windows_fit_a_model(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.csv")
    reading = Reading(label=("activity",), features=("a", "b"), window=8)
    assert data.load(str(path), None, (8, 2), reading=reading).x_test.shape[1:] == (8, 2)
    assert data.load(str(path), None, (8, 2, 1), reading=reading).x_test.shape[1:] == (8, 2, 1)
    with pytest.raises(DataError, match=r"shape \[8, 2\], but the model needs \[9, 2\]"):
        data.load(str(path), None, (9, 2), reading=reading)
