"""`edgekit convert` of Keras models of several inputs and outputs, and what reads the result."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import documents
import edge_runtime
from edgekit import cli, frameworks
from edgekit.convert import source
from edgekit.convert.api import convert as convert_api
from edgekit.errors import DataError, ModelFileError

SHAPES = {"image": (8, 8, 1), "facts": (4,)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keras models with two inputs, two outputs or both, and data for them."""
    keras = frameworks.keras()
    layers, folder = keras.layers, tmp_path_factory.mktemp("several")
    keras.utils.set_random_seed(1)
    image, facts = (keras.Input(shape, name=name) for name, shape in SHAPES.items())
    seen = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(image))
    both = layers.Dense(8, activation="relu")(layers.Concatenate()([seen, facts]))
    kind, box = layers.Dense(3, activation="softmax", name="kind"), layers.Dense(4, name="box")
    keras.Model([image, facts], [kind(both), box(both)]).save(folder / "both.keras")
    structure = {"facts": facts, "image": image}
    keras.Model(structure, {"what": kind(both), "where": box(both)}).save(folder / "dict.keras")
    keras.Model([image, facts], kind(both)).save(folder / "inputs.keras")
    keras.Model(image, [layers.Dense(3)(seen), layers.Dense(2)(seen)]).save(
        folder / "outputs.keras"
    )
    keras.Model([image, facts], [kind(both), box(both)]).export(folder / "saved", verbose=False)
    rng = np.random.default_rng(0)
    rows = {
        name: rng.normal(size=(150, *shape)).astype(np.float32) for name, shape in SHAPES.items()
    }
    np.savez(folder / "rows.npz", **rows)
    np.savez(folder / "pixels.npz", x=rng.integers(0, 256, (150, 8, 8, 1)).astype(np.uint8))
    return folder


def edgekit(*arguments: object) -> int:
    return cli.run([str(argument) for argument in arguments])


def report_of(path: Path) -> dict[str, Any]:
    return documents.read(path.with_name(f"{path.name}.report.json").read_text())


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("both.keras", ["image", "facts"], ["kind", "box"]),
        ("dict.keras", ["facts", "image"], ["what", "where"]),
        ("saved", ["facts", "image"], ["output_0", "output_1"]),
    ],
)
def test_names_order_and_numbers_are_those_of_keras(
    name: str, inputs: list[str], outputs: list[str], folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model.tflite"
    convert_api(folder / name, path)
    model = edge_runtime.load(path)
    assert list(model.inputs) == inputs
    assert list(model.outputs) == outputs
    with np.load(folder / "rows.npz") as rows:
        arrays = {key: rows[key][:5] for key in model.inputs}
    expected = source.load(folder / name).run(tuple(arrays.values()))
    for output, numbers in zip(model.predict(arrays).values(), expected, strict=True):
        np.testing.assert_allclose(output, numbers, atol=1e-5)


@pytest.mark.parametrize("scheme", ["int8", "int16x8", "dynamic", "float16"])
def test_each_output_has_its_parity(
    scheme: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.tflite"
    model, data = folder / "both.keras", folder / "rows.npz"
    assert edgekit("convert", model, "--scheme", scheme, "--data", data, "-o", path) == 0
    report, shown = report_of(path), capsys.readouterr().out
    assert [one["name"] for one in report["outputs"]] == ["kind", "box"]
    assert report["accuracy"] is None
    assert report["numbers"] is None
    for one in report["outputs"]:
        assert one["total"] == 30
        assert 0 < one["difference"]["largest"] < one["difference"]["spread"]
        assert f"{one['name']}: its numbers differ by" in shown
    assert report["data"]["name"] == "rows.npz"
    assert {error["op"].split()[1] for error in report["tensor_errors"]} >= {"CONV_2D", "SOFTMAX"}
    if scheme.startswith("int"):
        assert report["calibration"]["samples"] == 120


def test_repairs_are_calibrated_with_each_input(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "both.tflite"
    command = ["convert", folder / "both.keras", "--quantize", "--explain", "-o", path]
    calibration = ["--calibration", folder / "rows.npz", "--data", folder / "rows.npz"]
    assert edgekit(*command, *calibration) == 0
    rows = report_of(path)["explained"]["repairs"]
    assert rows[1]["repair"] == "calibration with the training data"
    assert [row["repair"] for row in rows if row["problem"]] == ["equalised channels"]


def test_two_inputs_and_scores_of_classes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, rows = tmp_path / "model.tflite", folder / "rows.npz"
    command = ["convert", folder / "inputs.keras", "--quantize", "--classes", "a,b,c", "-o", path]
    assert edgekit(*command, "--calibration", rows) == 0
    assert "note:" not in capsys.readouterr().err
    assert edgekit("predict", path, "--json", rows) == 0
    predictions = documents.read(capsys.readouterr().out)["predictions"]
    assert {one["label"] for one in predictions} <= {"a", "b", "c"}
    with np.load(rows) as arrays:
        inputs = tuple(arrays[name] for name in SHAPES)
    answers = source.load(folder / "inputs.keras").run(inputs)[0].argmax(axis=1)
    agreeing = sum(one["index"] == answer for one, answer in zip(predictions, answers, strict=True))
    assert agreeing > 0.9 * len(answers)


def test_pixels_and_two_outputs(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    command = ["convert", folder / "outputs.keras", "--quantize", "--input-range=-1,1", "-o", path]
    assert edgekit(*command, "--data", folder / "pixels.npz") == 0
    assert [one["total"] for one in report_of(path)["outputs"]] == [30, 30]
    metadata = edge_runtime.load(path).metadata
    assert metadata is not None
    assert metadata.mean == (127.5,)


def test_what_reads_the_result(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, rows = tmp_path / "model.tflite", folder / "rows.npz"
    assert edgekit("convert", folder / "both.keras", "--quantize", "--data", rows, "-o", path) == 0
    capsys.readouterr()
    assert edgekit("inspect", "--json", path) == 0
    inspected = json.loads(capsys.readouterr().out)
    assert [one["key"] for one in inspected["inputs"]] == ["image", "facts"]
    assert edgekit("predict", "--json", path, rows) == 0
    assert set(json.loads(capsys.readouterr().out)["predictions"][0]["outputs"]) == {"kind", "box"}
    assert edgekit("export", path, "-o", tmp_path / "c") == 0
    header = next((tmp_path / "c").rglob("*.h")).read_text()
    assert header.index("image") < header.index("facts")
    assert edgekit("bench", path, "--quick", "--backend", "native", "--artifacts", tmp_path) == 0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": (9, 8, 8, 1)}, "has image, but .*facts"),
        ({"image": (9, 8, 8, 1), "facts": (9, 4), "y": (9,)}, "without labels or targets"),
        ({"image": (9, 8, 8, 1), "facts": (8, 4)}, "9 of image, 8 of facts"),
        ({"image": (9, 7, 8, 1), "facts": (9, 4)}, r"image: .*\[7, 8, 1\].*\[8, 8, 1\]"),
        ({"image": (0, 8, 8, 1), "facts": (0, 4)}, r"image: .*\[0, 8, 8, 1\]"),
    ],
)
def test_arrays_that_do_not_fit(
    arrays: dict[str, tuple[int, ...]], message: str, folder: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "x.npz", **{k: np.zeros(v, np.float32) for k, v in arrays.items()})
    with pytest.raises(DataError, match=message):
        convert_api(folder / "both.keras", data=str(tmp_path / "x.npz"))


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        ("both.keras", {"data": "mnist"}, "an .npz with an array for each"),
        ("both.keras", {"input_range": (0, 1)}, "--input-range"),
        ("both.keras", {"framing": "digit"}, "--framing"),
        ("both.keras", {"classes": ("a", "b", "c")}, "--classes"),
        ("both.keras", {"quantize": True}, "an .npz with an array for each input"),
        ("both.keras", {"task": "regression"}, "--task"),
        ("both.keras", {"calibration": "rows.npz"}, "--calibration"),
        ("inputs.keras", {"classes": ("a", "b")}, "tells 3 classes apart"),
        ("outputs.keras", {"data": "labelled.npz"}, "leave y out"),
    ],
)
def test_choices_that_do_not_fit(
    name: str,
    choices: dict[str, Any],
    message: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("labelled.npz", x=np.zeros((9, 8, 8, 1), np.float32), y=np.arange(9) % 3)
    with pytest.raises((DataError, ModelFileError), match=message):
        convert_api(folder / name, **choices)


def test_pixels_of_several_inputs_are_refused(folder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", image=np.zeros((9, 8, 8, 1), np.uint8), facts=np.zeros((9, 4)))
    with pytest.raises(DataError, match="normalise pixels first"):
        convert_api(folder / "both.keras", data=str(tmp_path / "x.npz"))


def test_tune_needs_one_of_each(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["tune", folder / "both.keras", "--qat", "--artifacts", tmp_path, "--data", "mnist"]
    assert edgekit(*command) == 2
    assert "expected one input and one output" in capsys.readouterr().err
