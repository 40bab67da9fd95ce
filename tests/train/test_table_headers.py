"""Whether the first row of a text is the names of its columns."""

from pathlib import Path

import pytest

from edgekit.errors import DataError
from edgekit.train.reading import Reading
from edgekit.train.table_files import is_header
from tables_of import load, sorted_rows, written

pytestmark = pytest.mark.unsanitized

VALUES = [f"{i / 4},{i},{-i}" for i in range(10)]
ROWS = [[i / 4, i, -i] for i in reversed(range(10))]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("0,1,2,3", "5.1,3.5,1.4,0.2", True),
        ("1,2,3,4", "5.1,3.5,1.4,0.2", True),
        ("0,1,2,3", "5.1,3.5,1.4,setosa", True),
        ("0,1,2,3", "0,0,0,0", True),
        ("0,1,2,3", "", False),
        # Rows that count are data, too.
        ("0,1,2,3", "4,5,6,7", False),
        ("0,1,2,3", "1,2,3,4", False),
        ("0,1,2.0", "5,3,1", False),
        ("00,01,02", "5,3,1", False),
        ("2,3,4", "5,3,1", False),
        # Two columns of small numbers say little.
        ("0,1", "1,0", False),
        ("0,1", "0.5,0.25", True),
        ("0", "5", False),
        # The index of pandas has no name.
        (",0,1,2", "0,5.1,3.5,1.4", True),
        (",0", "0,5.1", True),
        # Text with an underscore is no number.
        ("1_1,1_2", "3,4", True),
    ],
)
def test_counted_headers(first: str, second: str, *, expected: bool) -> None:
    assert is_header(first.split(","), second.split(",")) is expected


def test_numbers_of_pandas_are_a_header(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "0,1,2", *VALUES)
    dataset = load(path)
    assert sorted_rows(dataset).tolist() == ROWS
    assert dataset.notes == (f"{path}: the first row, which counts from 0, is the header",)
    indexed = [f"{i},{row}" for i, row in enumerate(VALUES)]
    dataset = load(written(tmp_path / "b.csv", ",0,1,2", *indexed))
    assert sorted_rows(dataset).tolist() == ROWS


@pytest.mark.parametrize(
    "reading",
    [
        Reading(label=("kind",)),
        Reading(features=("0", "1", "2"), group="kind"),
        Reading(features=("0", "1", "2"), split="kind"),
    ],
)
def test_a_name_that_the_user_gave_makes_a_header(tmp_path: Path, reading: Reading) -> None:
    lines = [f"{row},{('train', 'test')[i % 2]}" for i, row in enumerate(VALUES)]
    dataset = load(written(tmp_path / "a.csv", "0,1,2,kind", *lines), reading)
    assert dataset.features == ("0", "1", "2")
    assert sorted_rows(dataset).tolist() == ROWS


def test_a_usual_name_of_the_label_makes_a_header(tmp_path: Path) -> None:
    lines = [f"{row},{'ab'[i % 2]}" for i, row in enumerate(VALUES)]
    path = written(tmp_path / "a.csv", "450.5,451,452, Label", *lines)
    dataset = load(path)
    assert (dataset.labels, dataset.features) == (("a", "b"), ("450.5", "451", "452"))
    # What occurs again below is a value: here y is yes.
    lines = [f"{row},{'yn'[i % 2]}" for i, row in enumerate(VALUES)]
    dataset = load(written(tmp_path / "b.csv", *lines), Reading(label=("3",)))
    assert dataset.labels == ("n", "y")
    assert sorted_rows(dataset).tolist() == ROWS
    lines = [f"{row},{'yyn'[min(i, 2)]}" for i, row in enumerate(VALUES)]
    assert len(sorted_rows(load(written(tmp_path / "c.csv", *lines), Reading(label=("3",))))) == 10


def test_numbers_that_the_user_gave_make_no_header(tmp_path: Path) -> None:
    lines = ["0,1.5,a", "1,2.5,b"] * 5
    reading = Reading(features=("0", "1"), label=("2",))
    assert len(sorted_rows(load(written(tmp_path / "a.csv", *lines), reading))) == 10


def test_the_first_file_says_whether_counting_rows_are_headers(tmp_path: Path) -> None:
    written(tmp_path / "plain" / "a.csv", *VALUES)
    written(tmp_path / "plain" / "b.csv", "0,1,2", *VALUES)
    assert len(sorted_rows(load(tmp_path / "plain"))) == 21
    written(tmp_path / "headed" / "a.csv", "0,1,2", *VALUES)
    written(tmp_path / "headed" / "b.csv", "0,1,2", *VALUES)
    assert len(sorted_rows(load(tmp_path / "headed"))) == 20
    written(tmp_path / "headed" / "c.csv", "a,b,c", *VALUES)
    with pytest.raises(DataError, match=r"c\.csv: has no column '0', which .*a\.csv has"):
        load(tmp_path / "headed")
