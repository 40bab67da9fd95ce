"""CSV and Parquet as data: columns by use, errors by row, groups, parts."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from sklearn import datasets

from edgekit import archives
from edgekit.errors import DataError, MissingExtraError
from edgekit.train import data, table_rows
from edgekit.train.reading import Reading
from edgekit.train.table_files import is_header
from tables_of import load, sorted_rows, written

pytestmark = pytest.mark.unsanitized


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_real_tables_are_read_number_by_number(tmp_path: Path, kind: str, name: str) -> None:
    table = getattr(datasets, f"load_{name}")()
    names = [column.replace(" ", "_") for column in table.feature_names]
    classes = table.target_names[table.target]
    path = tmp_path / f"table.{kind}"
    if kind == "parquet":
        columns = dict(zip(names, table.data.T, strict=True))
        pq.write_table(pa.table({**columns, "kind": classes}), path)
    else:
        separator = "\t" if kind == "tsv" else ","
        rows = [[*map(repr, map(float, x)), y] for x, y in zip(table.data, classes, strict=True)]
        written(path, *(separator.join(row) for row in [[*names, "kind"], *rows]))
    dataset = load(path, Reading(label=("kind",)))
    assert dataset.labels == tuple(sorted(table.target_names))
    assert dataset.features == tuple(names)
    x = table.data.astype(np.float32)
    assert np.array_equal(sorted_rows(dataset), x[np.lexsort(x.T)])
    # Each row has kept its class.
    known = {row.tobytes(): label for row, label in zip(x, classes, strict=True)}
    for row, label in zip(dataset.x_test, dataset.y_test, strict=True):
        assert known[row.tobytes()] == dataset.labels[label]
    assert dataset.split == {"by": "class", "test_share": 0.2, "seed": 0}
    shares = np.bincount(dataset.y_test) / np.bincount(table.target)[np.argsort(table.target_names)]
    assert shares == pytest.approx(0.2, abs=0.02)


def test_columns_by_name_and_pattern(tmp_path: Path) -> None:
    lines = [f"{i},{i + 0.5},{-i},{'ab'[i % 2]},junk" for i in range(10)]
    path = written(tmp_path / "a.csv", "acc_x,acc_y,gyro_x,kind,note", *lines)
    dataset = load(path, Reading(label=("kind",), features=("gyro_x", "acc*")))
    assert dataset.features == ("gyro_x", "acc_x", "acc_y")
    assert sorted_rows(dataset)[0].tolist() == [0, 0, 0.5]
    with pytest.raises(DataError, match=r"--features: has no column 'acx'; it has acc_x, .*Did"):
        load(path, Reading(label=("kind",), features=("acx",)))
    with pytest.raises(DataError, match=r"a\.csv: row 2: column 'note' has 'junk', which is not"):
        load(path, Reading(label=("kind",)))
    with pytest.raises(DataError, match="'kind' is both one of --features and --label"):
        load(path, Reading(label=("kind",), features=("kind", "acc_x")))
    with pytest.raises(DataError, match=r"--group a\* is 2 columns"):
        load(path, Reading(label=("kind",), features=("gyro_x",), group="a*"))


def test_a_label_is_found_by_its_usual_names(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", ",Class,a", *(f"{i},{i % 2},{i}" for i in range(10)))
    dataset = load(path)
    assert (dataset.labels, dataset.features) == (("0", "1"), ("a",))
    assert dataset.notes == (
        f"{path}: column 'Class' is the label",
        f"{path}: the column without a name is left out",
    )
    alone = load(written(tmp_path / "b.csv", "a,b", *(f"{i},{i}" for i in range(10))))
    assert (alone.labels, alone.y_train.shape) == ((), (8, 0))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("a,b", "1,2", True),
        ("1,2", "3,4", False),
        ("label,0,1", "5,0.5,0.25", True),
        ("5.1,3.5,setosa", "4.9,3,setosa", False),
        ("a,b", "", True),
        (",a", "0,1", True),
    ],
)
def test_headers(first: str, second: str, expected: bool) -> None:
    assert is_header(first.split(","), second.split(",")) is expected


def test_a_file_without_a_header_has_numbered_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", *(f"{i};{i / 2};{'ab'[i % 2]}" for i in range(10)))
    dataset = load(path, Reading(label=("2",)))
    assert (dataset.labels, dataset.features) == (("a", "b"), ("0", "1"))
    assert sorted_rows(dataset).tolist() == [[i, i / 2] for i in range(10)]
    assert dataset.notes == (f"{path}: has no header: its columns are 0, 1, 2, …",)


def test_targets_and_one_hot_columns(tmp_path: Path) -> None:
    lines = [f"{i},{i / 4},{i % 2},{1 - i % 2}" for i in range(20)]
    path = written(tmp_path / "a.csv", "x,t,cat,dog", *lines)
    dataset = load(path, Reading(label=("t",), features=("x",)))
    assert dataset.labels == ()
    assert dataset.y_test == pytest.approx(dataset.x_test / 4)
    both = load(path, Reading(label=("t", "cat"), features=("x",)))
    assert both.y_train.shape == (16, 2)
    hot = load(path, Reading(label=("cat", "dog"), features=("x",)))
    assert hot.labels == ("cat", "dog")
    assert np.array_equal(hot.y_test, (hot.x_test[:, 0] + 1) % 2)
    # Whole numbers are classes, unless the model predicts numbers.
    assert load(path, Reading(label=("cat",), features=("x",))).labels == ("0", "1")
    numbers = load(path, Reading(label=("cat",), features=("x",)), numbers=True)
    assert numbers.y_train.dtype == np.float32


def test_many_different_labels_are_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "MOST_CLASSES", 20)
    path = written(tmp_path / "a.csv", "x,t", *(f"{i},{i + 0.25}" for i in range(50)))
    dataset = load(path, Reading(label=("t",)))
    assert dataset.y_train == pytest.approx(dataset.x_train + 0.25)
    odd = written(tmp_path / "b.csv", "x,t", *(f"{i},n{i}" for i in range(50)))
    with pytest.raises(DataError, match="more than 20 different values, and 'n0' is not a number"):
        load(odd, Reading(label=("t",)))


ROWS = [f"{i},{i * 2},{'ab'[i % 2]}" for i in range(20)]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1,oops,a", "row 8: column 'q' has 'oops', which is not a number"),
        ("1,,a", "row 8: column 'q' is empty"),
        ("nan,1,a", "row 8: column 'p' has NaN or infinity"),
        ("1,1e300,a", "row 8: column 'q' has NaN or infinity"),
        ("1,2,", "row 8: column 'kind' is empty"),
        ("1,2", "row 8: has 2 columns, and 3 were expected"),
        ("1,2,a,b", "row 8: has 4 columns, and 3 were expected"),
    ],
)
def test_a_row_that_cannot_be_used(tmp_path: Path, row: str, problem: str) -> None:
    # A blank row is counted, as an editor does, and is nothing wrong.
    path = written(tmp_path / "a.csv", "p,q,kind", *ROWS[:3], "", *ROWS[3:5], row, *ROWS[5:])
    with pytest.raises(DataError, match=problem) as raised:
        load(path, Reading(label=("kind",)))
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)
    dataset = load(path, Reading(label=("kind",), skip_bad=True))
    assert dataset.notes == (f"1 rows are left out; the first is {path}: {problem}",)
    assert sorted_rows(dataset).tolist() == [[i, i * 2] for i in range(20)]


def test_rows_of_parquet_are_counted_from_0(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    p = [0.5, None, 2.0, float("nan")] + [1.0] * 6
    table = pa.table({"p": p, "kind": pa.array(["a", "b"] * 5).dictionary_encode()})
    pq.write_table(table, path)
    with pytest.raises(DataError, match="row 1: column 'p' is empty"):
        load(path, Reading(label=("kind",)))
    dataset = load(path, Reading(label=("kind",), skip_bad=True))
    assert dataset.notes[0].startswith("2 rows are left out")
    pq.write_table(table.append_column("t", pa.array([[1]] * 10)), path)
    with pytest.raises(DataError, match=r"column 't' is of type list<.*leave it out"):
        load(path, Reading(label=("kind",)))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a,b\n", "has no usable row"),
        ("a.csv", "größe,b\n1,2\n".encode("latin-1"), "is not text in UTF-8"),
        ("a.csv", b"a,b,a\n1,2,3\n", "has the column 'a' twice"),
        ("a.csv", b"label\n1\n", "no column for the inputs"),
        ("a.parquet", b"PAR1 no", "cannot be read"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        load(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_a_small_file_of_endless_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"v": np.zeros(100_000)}), path)
    assert len(load(path).x_train) == 80_000
    monkeypatch.setattr(archives, "MOST_UNPACKED", 1 << 12)
    with pytest.raises(DataError, match="unpack to 400,000; the limit is"):
        load(path)


def test_groups_are_never_in_both_parts(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    people = rng.integers(0, 12, 600)
    lines = [f"{p},{i},{'ab'[i % 2]}" for i, p in enumerate(people)]
    path = written(tmp_path / "a.csv", "subject,v,kind", *lines)
    reading = Reading(label=("kind",), features=("v",), group="subject")
    dataset = load(path, reading)
    assert dataset.groups is not None
    train, test = (set(people[x[:, 0].astype(int)]) for x in (dataset.x_train, dataset.x_test))
    assert not train & test
    assert train | test == set(range(12))
    assert len(dataset.x_test) / 600 == pytest.approx(0.2, abs=0.05)
    # The group of each training input, whatever number a group has.
    own = people[dataset.x_train[:, 0].astype(int)]
    assert len(set(zip(own, dataset.groups, strict=True))) == len(train)
    assert dataset.split == {"by": "group", "test_share": 0.2, "seed": 0}
    assert load(path, reading).sha256 == dataset.sha256


def test_a_row_without_its_group_is_named(tmp_path: Path) -> None:
    lines = [f"{'' if i == 7 else i % 4},{i},{'ab'[i // 4 % 2]}" for i in range(40)]
    path = written(tmp_path / "a.csv", "who,v,kind", *lines)
    with pytest.raises(DataError, match=r"a\.csv: row 9: column 'who' is empty"):
        load(path, Reading(label=("kind",), group="who"))
    dataset = load(path, Reading(label=("kind",), group="who", skip_bad=True))
    assert len(dataset.x_train) + len(dataset.x_test) == 39


def test_a_class_of_one_group_cannot_be_tested(tmp_path: Path) -> None:
    lines = [f"s{i % 3},{i},{'ab'[i % 3 == 0]}" for i in range(30)]
    path = written(tmp_path / "a.csv", "subject,v,kind", *lines)
    with pytest.raises(DataError, match="class 'b' needs two groups"):
        load(path, Reading(label=("kind",), group="subject"))


def test_a_split_column_is_used(tmp_path: Path) -> None:
    parts = ["Train", "test", "val"]
    lines = [f"{i},{'ab'[i // 3 % 2]},{parts[i % 3]},g{i % 2}" for i in range(30)]
    path = written(tmp_path / "a.csv", "v,kind,part,g", *lines)
    reading = Reading(label=("kind",), split="part", features=("v",), group="g")
    dataset = load(path, reading)
    assert sorted(dataset.x_test[:, 0]) == [i for i in range(30) if i % 3 == 1]
    assert sorted(dataset.x_train[:, 0]) == [i for i in range(30) if i % 3 == 0]
    assert dataset.split == {"by": "given"}
    assert dataset.notes == ("val is left out, test is used", "2 groups of 'g' are in both parts")
    with pytest.raises(DataError, match=r"kind has '[ab]'; it needs 'train' and 'test'"):
        load(path, Reading(label=("kind",), split="kind", features=("v",)))


def test_a_folder_of_tables_has_a_group_for_each_file(tmp_path: Path) -> None:
    for number in range(10):
        lines = [f"{'ab'[i % 2]},{number * 100 + i}" for i in range(10)]
        written(tmp_path / "all" / f"{number}.csv", "kind,v", *lines)
    dataset = load(tmp_path / "all", Reading(label=("kind",)))
    files = [set((x[:, 0] // 100).astype(int)) for x in (dataset.x_train, dataset.x_test)]
    assert not files[0] & files[1]
    assert list(map(len, files)) == [8, 2]
    written(tmp_path / "all" / "x.csv", "kind,w", "a,1")
    with pytest.raises(DataError, match=r"x\.csv: has no column 'v', which .*0\.csv has"):
        load(tmp_path / "all", Reading(label=("kind",)))


def test_a_folder_of_class_folders_of_tables(tmp_path: Path) -> None:
    for kind in ("walk", "run"):
        for number in range(5):
            written(tmp_path / kind / f"{number}.csv", "v,w", *(f"{number},{i}" for i in range(9)))
    dataset = load(tmp_path)
    assert dataset.labels == ("run", "walk")
    assert len(dataset.x_test) == 18
    assert dataset.split["by"] == "group"
    with pytest.raises(DataError, match="leave --label out"):
        load(tmp_path, Reading(label=("v",)))
    for number in range(1, 5):
        (tmp_path / "run" / f"{number}.csv").unlink()
    alone = load(tmp_path)
    assert alone.split["by"] == "class"
    assert "a class has one file alone: files are in both parts" in alone.notes


def test_choices_about_other_data_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "p,q,kind", *ROWS)
    with pytest.raises(DataError, match=r"--size is about a folder of pictures or an .npz or .npy"):
        load(path, Reading(size=(8, 8)))
    with pytest.raises(DataError, match=r"--stride is the way .*give --window"):
        load(path, Reading(stride=8))
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 3)))
    with pytest.raises(DataError, match=r"--label is about CSV or Parquet, and .*a\.npz is not"):
        load(tmp_path / "a.npz", Reading(label=("kind",)))


def test_the_line_to_install_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.csv", "p,q,kind", *ROWS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="pyarrow is not installed, which CSV and Parquet"):
        load(path)


def test_a_table_fits_a_model(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "p,q,kind", *ROWS)
    reading = Reading(label=("kind",))
    assert data.load(str(path), None, (2,), reading=reading).x_train.shape == (16, 2)
    assert data.load(str(path), None, (2, 1), reading=reading).x_train.shape[1:] == (2, 1)
    with pytest.raises(DataError, match=r"inputs of shape \[2\], but the model needs \[3\]"):
        data.load(str(path), None, (3,), reading=reading)
    with pytest.raises(DataError, match="windows of rows: give --window 16"):
        data.load(str(path), None, (16, 2), reading=reading)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux' /proc")
def test_rows_are_held_as_numbers_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    count = 400_000
    run = np.arange(count) // 2000
    columns = {f"f{i}": rng.integers(-4096, 4096, count) / 8 for i in range(10)}
    columns["activity"] = np.array(["walk", "run", "sit"])[run % 3]
    columns["subject"] = np.array([f"s{i}" for i in range(20)])[run // 25]
    path = tmp_path / "long.csv"
    pyarrow.csv.write_csv(pa.table(columns), path)
    script = (
        "import sys\n"
        "from edgekit.train.data import load\n"
        "from edgekit.train.reading import Reading\n"
        "reading = Reading(label=('activity',), window=128, group='subject')\n"
        "dataset = load(sys.argv[1], None, None, reading=reading)\n"
        "lines = open('/proc/self/status').read().splitlines()\n"
        "peak = next(line for line in lines if line.startswith('VmHWM')).split()[1]\n"
        "print(len(dataset.x_train), len(dataset.x_test), peak)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True
    )
    train, test, peak = map(int, done.stdout.split())
    assert train + test == 200 * 30
    # The table as float32, its windows, and their copies in two parts, take 80 MB of it.
    assert peak * 1024 < 320 << 20


def test_the_columns_that_the_data_decided_are_recorded(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "p,q,class", *ROWS)
    dataset = load(path)
    assert dataset.reading == Reading(features=("p", "q"), label=("class",))
    turned = written(tmp_path / "b.csv", "class,q,p", *(",".join(r.split(",")[::-1]) for r in ROWS))
    assert np.array_equal(sorted_rows(load(turned, dataset.reading)), sorted_rows(dataset))
