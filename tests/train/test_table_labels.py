"""Labels and parts of tables: whole numbers, numbers and text, in one file and in several."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgekit.errors import DataError
from edgekit.train import table_rows
from edgekit.train.reading import Reading
from tables_of import load, written

pytestmark = pytest.mark.unsanitized


def labelled(path: Path, *labels: str) -> Path:
    return written(path, "v,label", *(f"{i},{name}" for i, name in enumerate(labels * 6)))


@pytest.mark.parametrize(
    "labels",
    [("11", "1_1"), ("01", "1"), ("+1", "-1"), ("007", "7"), ("1_0", "2_0"), ("9" * 30, "8" * 30)],
)
def test_a_label_that_is_no_plain_number_stays_as_it_is(
    tmp_path: Path, labels: tuple[str, str]
) -> None:
    assert load(labelled(tmp_path / "a.csv", *labels)).labels == tuple(sorted(labels))


def test_plain_numbers_are_in_their_order(tmp_path: Path) -> None:
    dataset = load(labelled(tmp_path / "a.csv", "10", "-1", "2", "0"))
    assert dataset.labels == ("-1", "0", "2", "10")


@pytest.mark.parametrize("labels", [("0.5", "1"), ("+0.5", "-0.5"), ("1e3", "1.5"), ("00.5", "1")])
def test_numbers_are_targets(tmp_path: Path, labels: tuple[str, str]) -> None:
    dataset = load(labelled(tmp_path / "a.csv", *labels))
    assert dataset.labels == ()
    assert set(dataset.y_train[:, 0]) == {np.float32(label) for label in labels}


def test_padded_numbers_are_targets_of_a_model_that_predicts_numbers(tmp_path: Path) -> None:
    dataset = load(labelled(tmp_path / "a.csv", "007", "12"), numbers=True)
    assert set(dataset.y_train[:, 0]) == {7, 12}


def test_a_feature_with_an_underscore_is_no_number(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "v,label", *["1,a", "2,b"] * 3, "1_1,a")
    with pytest.raises(DataError, match="row 8: column 'v' has '1_1', which is not a number"):
        load(path)


WHOLE, DOUBLE, FRACTIONS = [0, 1] * 4, [1.0, None, 0.0, 1.0] * 2, [0.5, 1.0] * 4


def parquets(folder: Path, *labels: list) -> Path:
    folder.mkdir()
    for number, column in enumerate(labels):
        table = pa.table({"v": np.full(len(column), number), "label": column})
        pq.write_table(table, folder / f"{number}.parquet")
    return folder


@pytest.mark.parametrize("reverse", [False, True])
def test_whole_numbers_stay_classes_where_a_missing_value_made_them_floats(
    tmp_path: Path, *, reverse: bool
) -> None:
    parts = (WHOLE, DOUBLE, WHOLE)
    folder = parquets(tmp_path / "a", *(parts[:0:-1] if reverse else parts))
    dataset = load(folder, Reading(skip_bad=True))
    assert dataset.labels == ("0", "1")
    count = sum(value is not None for part in (parts[1:] if reverse else parts) for value in part)
    assert len(dataset.y_train) + len(dataset.y_test) == count
    numbers = load(folder, Reading(skip_bad=True), numbers=True)
    assert (numbers.labels, numbers.y_train.dtype) == ((), np.float32)


@pytest.mark.parametrize("reverse", [False, True])
def test_whole_numbers_are_targets_beside_fractions(tmp_path: Path, *, reverse: bool) -> None:
    parts = (FRACTIONS, WHOLE) if reverse else (WHOLE, FRACTIONS)
    dataset = load(parquets(tmp_path / "a", *parts))
    assert dataset.labels == ()
    y = {x: set(dataset.y_train[dataset.x_train[:, 0] == x, 0]) for x in (0, 1)}
    y |= {x: set(dataset.y_test[dataset.x_test[:, 0] == x, 0]) for x in (0, 1) if not y[x]}
    assert y == {int(reverse): {0, 1}, int(not reverse): {0.5, 1}}


def test_many_whole_numbers_stay_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "MOST_CLASSES", 6)
    folder = parquets(tmp_path / "a", list(range(8)), list(map(float, range(8))), list(range(8)))
    dataset = load(folder)
    assert dataset.labels == ()
    y = np.concatenate((dataset.y_train, dataset.y_test))[:, 0]
    assert sorted(y) == sorted([*range(8)] * 3)


def test_text_and_floats_are_refused(tmp_path: Path) -> None:
    folder = parquets(tmp_path / "a", ["a", "b"] * 4, DOUBLE)
    with pytest.raises(DataError, match=r"1\.parquet: the label has numbers, and 'a' before them"):
        load(folder, Reading(skip_bad=True))
    folder = parquets(tmp_path / "b", FRACTIONS, ["a", "b"] * 4)
    with pytest.raises(DataError, match=r"1\.parquet: row 0: column 'label' has 'a', which is not"):
        load(folder)


def test_labels_of_one_csv_are_whole_and_of_the_next_fractions(tmp_path: Path) -> None:
    labelled(tmp_path / "a" / "0.csv", "0", "1")
    labelled(tmp_path / "a" / "1.csv", "0.5", "1.0")
    dataset = load(tmp_path / "a")
    assert dataset.labels == ()
    assert set(np.concatenate((dataset.y_train, dataset.y_test))[:, 0]) == {0, 0.5, 1}
    labelled(tmp_path / "b" / "0.csv", "0", "1")
    labelled(tmp_path / "b" / "1.csv", "0.0", "1.0")
    assert load(tmp_path / "b").labels == ("0", "1")


def test_a_part_may_be_spelt_in_several_ways(tmp_path: Path) -> None:
    parts = ["Train", "train", "TEST", "test", "training", "Val"]
    lines = [f"{i},{'ab'[i // 6 % 2]},{parts[i % 6]}" for i in range(36)]
    path = written(tmp_path / "a.csv", "v,label,part", *lines)
    dataset = load(path, Reading(split="part"))
    assert sorted(dataset.x_test[:, 0]) == [i for i in range(36) if i % 6 in (2, 3)]
    assert sorted(dataset.x_train[:, 0]) == [i for i in range(36) if i % 6 in (0, 1, 4)]
    assert "val is left out, test is used" in dataset.notes
