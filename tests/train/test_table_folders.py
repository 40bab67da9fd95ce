"""Folders of tables: what else lies in them, and what a model's label means to them."""

from pathlib import Path

import pytest

from edgekit.errors import DataError
from edgekit.train import data
from edgekit.train.dataset import Loaded
from edgekit.train.reading import Reading
from tables_of import load, written

pytestmark = pytest.mark.unsanitized

ROWS = [f"{i},{-i}" for i in range(9)]


def class_folders(folder: Path, header: str = "v,w") -> Path:
    for kind in ("walk", "run"):
        for number in range(5):
            written(folder / kind / f"{number}.csv", header, *ROWS)
    return folder


@pytest.mark.parametrize("name", ["README.txt", "about.json", "notes.xlsx", "LICENSE"])
@pytest.mark.parametrize("within", ["walk", ""])
def test_a_stray_file_among_tables_is_a_note(tmp_path: Path, name: str, within: str) -> None:
    folder = class_folders(tmp_path)
    if not within:
        folder = tmp_path / "walk"
    stray = written(tmp_path / "walk" / name, "by hand")
    for skip_bad in (False, True):
        dataset = load(folder, Reading(skip_bad=skip_bad))
        assert dataset.notes[0] == f"{stray}: no table, is left out"
        assert len(dataset.x_train) + len(dataset.x_test) == (90 if within else 45)


def test_a_class_of_stray_files_has_no_table(tmp_path: Path) -> None:
    class_folders(tmp_path)
    written(tmp_path / "sit" / "README.txt", "by hand")
    with pytest.raises(DataError, match=r"sit: the class has no table"):
        load(tmp_path)
    assert load(tmp_path, Reading(skip_bad=True)).labels == ("run", "walk")


def test_tables_too_deep_are_named(tmp_path: Path) -> None:
    for kind in ("walk", "run"):
        class_folders(tmp_path / kind)
    with pytest.raises(DataError, match="a folder where the tables of class 'run' should be"):
        load(tmp_path)
    with pytest.raises(DataError, match="has no table"):
        load(tmp_path, Reading(skip_bad=True))


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    for folder in (class_folders(tmp_path), tmp_path / "walk"):
        link = tmp_path / "walk" / "x.csv"
        link.unlink(missing_ok=True)
        link.symlink_to("nowhere.csv")
        with pytest.raises(DataError, match=r"x\.csv: neither a file nor a link to one"):
            load(folder)
        assert f"{link}: neither a file nor a link to one: is left out" in (
            load(folder, Reading(skip_bad=True)).notes
        )


@pytest.fixture
def recorded(tmp_path: Path) -> Reading:
    """Return how the data of a model were read, which had a label column."""
    lines = [f"{row},{'ab'[i % 2]}" for i, row in enumerate(ROWS)]
    return load(written(tmp_path / "a.csv", "v,w,kind", *lines), Reading(label=("kind",))).reading


def read_as(folder: Path, recorded: Reading, *, numbers: bool = False) -> Loaded:
    reading = data.completed(str(folder), Reading(), recorded, same=False)
    return data.read(str(folder), (2,), reading=reading, numbers=numbers)


def test_a_model_with_a_label_column_reads_class_folders(tmp_path: Path, recorded: Reading) -> None:
    folder = class_folders(tmp_path / "data", "w,v")
    loaded = read_as(folder, recorded)
    assert (loaded.names, loaded.features) == (("run", "walk"), ("v", "w"))
    assert loaded.arrays["x"].shape == (90, 2)
    # Folders that repeat the label in each table, too.
    for path in folder.glob("*/*.csv"):
        written(path, "v,w,kind", *(f"{row},{path.parent.name}" for row in ROWS))
    assert read_as(folder, recorded).names == ("run", "walk")
    # To a model that predicts numbers, classes are no targets.
    assert read_as(folder, recorded, numbers=True).arrays["x"].shape == (90, 2)
    dataset = data.load(str(folder), None, (2,), numbers=True, reading=Reading(features=("v", "w")))
    assert (dataset.labels, dataset.y_train.shape[1]) == ((), 0)


def test_a_model_with_a_label_column_reads_parts(tmp_path: Path, recorded: Reading) -> None:
    for part in ("train", "test"):
        class_folders(tmp_path / "data" / part)
    loaded = read_as(tmp_path / "data", recorded)
    assert (loaded.names, loaded.arrays["x_test"].shape) == (("run", "walk"), (90, 2))


def test_a_model_with_a_label_column_reads_unlabelled_tables(
    tmp_path: Path, recorded: Reading
) -> None:
    folder = tmp_path / "data"
    written(folder / "README.txt", "by hand")
    for number in range(3):
        written(folder / f"{number}.csv", "v,w", *ROWS)
    loaded = read_as(folder, recorded)
    assert (loaded.names, loaded.arrays["y"].shape) == ((), (27, 0))
    # Labelled ones keep their label, and one of the user's is not dropped.
    for path in folder.glob("*.csv"):
        written(path, "v,w,kind", *(f"{row},{'ab'[i % 2]}" for i, row in enumerate(ROWS)))
    assert read_as(folder, recorded).names == ("a", "b")
    chosen = data.completed(str(folder), Reading(label=("other",)), recorded, same=False)
    with pytest.raises(DataError, match="--label: has no column 'other'"):
        data.read(str(folder), (2,), reading=chosen)


def test_classes_of_folders_have_their_names(tmp_path: Path) -> None:
    for kind in ("0.5", "1", "01"):
        for number in range(5):
            written(tmp_path / kind / f"{number}.csv", "v,w", *ROWS)
    assert load(tmp_path).labels == ("0.5", "01", "1")


@pytest.mark.parametrize("name", ["label", "Class", "target"])
def test_the_class_of_a_folder_s_rows_is_no_input(tmp_path: Path, name: str) -> None:
    for number, kind in enumerate(("walk", "run")):
        rows = [f"{row},{number}" for row in ROWS]
        written(tmp_path / kind / "0.csv", f"v,w,{name}", *rows)
    loaded = load(tmp_path)
    assert loaded.features == ("v", "w")
    assert any(f"column {name!r} is left out" in note for note in loaded.notes)
    assert load(tmp_path, Reading(features=("v", name))).features == ("v", name)
    grouped = data.read(str(tmp_path), None, reading=Reading(group=name))
    assert not any("is left out" in note for note in grouped.notes)


def test_text_beside_tables_does_not_make_pictures_of_them(tmp_path: Path) -> None:
    for kind in ("walk", "run"):
        written(tmp_path / kind / "0.csv", "v,w", *ROWS)
        for name in ("README.txt", "about.json", "page.html"):
            written(tmp_path / kind / name, "by hand")
    assert load(tmp_path).features == ("v", "w")
