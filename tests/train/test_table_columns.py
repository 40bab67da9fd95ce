"""Which column is the label where the user names none, and which are no inputs."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgekit.errors import DataError, ModelFileError
from edgekit.train import data, own_model
from edgekit.train.reading import Reading
from edgekit.train.recipe import Recipe
from tables_of import load, sorted_rows, written

pytestmark = pytest.mark.unsanitized

AXES = [f"{i},{i / 2},{-i}" for i in range(10)]


def test_the_label_is_found_by_the_priority_of_its_names(tmp_path: Path) -> None:
    lines = [f"{row},{'ab'[i % 2]}" for i, row in enumerate(AXES)]
    dataset = load(written(tmp_path / "a.csv", "x,y,z,label", *lines))
    assert (dataset.labels, dataset.features) == (("a", "b"), ("x", "y", "z"))
    lines = [f"{i},{i % 2},{'ab'[i % 2]}" for i in range(10)]
    dataset = load(written(tmp_path / "b.csv", "v,target,Class", *lines))
    assert (dataset.labels, dataset.features) == (("a", "b"), ("v", "target"))


@pytest.mark.parametrize("header", ["x,y,z", "X,Y,T", "a,y,z"])
def test_an_axis_is_no_label(tmp_path: Path, header: str) -> None:
    path = written(tmp_path / "a.csv", header, *AXES)
    dataset = load(path)
    assert (dataset.features, dataset.y_train.shape) == (tuple(header.split(",")), (8, 0))
    y = header.split(",")[1]
    assert dataset.notes == (
        f"{path}: column {y!r} is an axis rather than the label: --label {y} makes it the label",
    )
    assert load(path, Reading(label=(y,))).reading.label == (y,)
    # Without other axes it is what scikit-learn calls the label.
    alone = load(written(tmp_path / "b.csv", "a,y", *(f"{i},{i % 2}" for i in range(10))))
    assert (alone.labels, alone.features) == (("0", "1"), ("a",))


def test_what_is_an_input_or_a_group_is_not_guessed_to_be_the_label(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "a,y,class", *AXES)
    dataset = load(path, Reading(features=("a", "class")))
    assert (dataset.features, dataset.reading.label) == (("a", "class"), ("y",))
    assert load(path, Reading(features=("*",))).y_train.shape == (8, 0)
    assert load(path, Reading(features=("a",), group="class")).reading.label == ("y",)
    # The inputs that a model was trained with are not, either.
    xyz = written(tmp_path / "b.csv", "x,y,z", *AXES)
    recorded = load(xyz, Reading(features=("x", "y", "z"))).reading
    reading = data.completed(str(xyz), Reading(), recorded, same=False)
    again = data.read(str(xyz), (3,), reading=reading)
    assert (again.features, again.names, again.notes) == (("x", "y", "z"), (), ())


def test_the_folder_is_the_class_of_axes(tmp_path: Path) -> None:
    for kind in ("walk", "run"):
        for number in range(5):
            written(tmp_path / kind / f"{number}.csv", "x,y,z", *AXES)
    dataset = load(tmp_path)
    assert (dataset.labels, dataset.features) == (("run", "walk"), ("x", "y", "z"))
    assert dataset.notes == ()


@pytest.mark.tensorflow
def test_training_without_the_label_says_how_to_name_it(tmp_path: Path) -> None:
    code = "import keras\ndef build(shape, outputs):\n"
    layers = "[keras.Input(shape), keras.layers.Dense({}, activation='softmax')]"
    dataset = load(written(tmp_path / "a.csv", "x,y,z", *AXES))
    for task, nodes in (("", 2), ("classify", 2), ("classify", 3)):
        text = f"{code}    return keras.Sequential({layers.format(nodes)})"
        function = own_model.load(f"{written(tmp_path / 'model.py', text)}:build")
        with pytest.raises(ModelFileError, match=r"neither classes nor targets: name .* --label"):
            own_model.build(function, Recipe(model="model.py:build", task=task), dataset)


@pytest.mark.parametrize("name", ["Unnamed: 0", "__index_level_0__", "Unnamed: 0.1"])
def test_row_numbers_are_no_input(tmp_path: Path, name: str) -> None:
    lines = [f"{i},{2 * i},{'ab'[i % 2]}" for i in range(10)]
    path = written(tmp_path / "a.csv", f"{name},v,label", *lines)
    dataset = load(path)
    assert dataset.features == ("v",)
    assert dataset.notes[1:] == (
        f"{path}: column {name!r} is the index of pandas and left out: --features takes it",
    )
    assert load(path, Reading(features=(name, "v"))).features == (name, "v")
    assert load(path, Reading(group=name)).features == ("v",)


def parquet(path: Path, index: object) -> Path:
    columns = {name: np.arange(10) for name in ("when", "v")}
    table = pa.table({**columns, "label": ["a", "b"] * 5})
    about = index if isinstance(index, bytes) else json.dumps(index).encode()
    pq.write_table(table.replace_schema_metadata({b"pandas": about}), path)
    return path


def test_the_index_of_parquet_is_what_pandas_says(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", {"index_columns": ["when"]})
    dataset = load(path)
    assert dataset.features == ("v",)
    assert f"{path}: column 'when' is the index of pandas and left out" in dataset.notes[1]
    assert load(path, Reading(features=("when",))).features == ("when",)
    # The label stays one, where it is the index.
    dataset = load(parquet(path, {"index_columns": ["label"]}))
    assert (dataset.labels, dataset.features) == (("a", "b"), ("when", "v"))


@pytest.mark.parametrize(
    "about",
    [
        {"index_columns": [{"kind": "range", "start": 0, "stop": 10, "step": 1}]},
        {"index_columns": None},
        {"index_columns": [["v"], 3]},
        {},
        [],
        b"no JSON",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_an_index_that_is_no_column(tmp_path: Path, about: object) -> None:
    dataset = load(parquet(tmp_path / "a.parquet", about))
    assert dataset.features == ("when", "v")
    assert sorted_rows(dataset).tolist() == [[i, i] for i in range(10)]


def test_row_numbers_alone_are_no_inputs(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "Unnamed: 0,label", *(f"{i},{i % 2}" for i in range(10)))
    with pytest.raises(DataError, match=r"has no column for the inputs, only Unnamed: 0, label"):
        load(path)
