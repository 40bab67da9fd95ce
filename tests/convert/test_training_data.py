"""Data that a model was trained on are known again, named in another way or moved elsewhere."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import documents
from edge_runtime import load as load_model
from edgekit import cli, frameworks
from edgekit.benchmarks import dataset as test_inputs
from edgekit.files import sha256
from edgekit.train.data import load
from edgekit.train.dataset import Dataset
from edgekit.train.reading import Reading

pytestmark = pytest.mark.unsanitized

READING = Reading(label=("kind",), group="subject")
CLASSES = ("walk", "rest")  # not the order of their names


def write(path: Path, *, seed: int = 0) -> Path:
    """Write rows of ten subjects; the second feature says which of the classes one is in."""
    draw = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["kind", "subject", "a", "b"])
        for index in range(200):
            kind = index % 2
            rows.writerow([CLASSES[kind], f"s{index // 20}", draw.normal(), draw.normal() + kind])
    return path


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Dataset]:
    """A model, and data.csv in the working directory, on which it was trained."""
    monkeypatch.chdir(tmp_path)
    data = load(str(write(tmp_path / "data.csv")), CLASSES, None, reading=READING)
    keras = frameworks.keras()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
    model.set_weights([np.array([[0, 0], [-2, 2]], np.float32), np.array([1, -1], np.float32)])
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    path = artifacts / "model.keras"
    model.save(path)
    metrics = {"data": {**data.provenance, "source": data.source}, "model_sha256": sha256(path)}
    (artifacts / "metrics.json").write_text(json.dumps(metrics))
    return path, data


def converted(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[dict, str]:
    capsys.readouterr()
    assert cli.run(["convert", "--quantize", "--json", *words]) == 0
    captured = capsys.readouterr()
    return documents.read(captured.out), captured.err


@pytest.mark.tensorflow
def test_a_relative_path_is_the_same_data(
    trained: tuple[Path, Dataset], capsys: pytest.CaptureFixture[str]
) -> None:
    _, data = trained
    plain, _ = converted(capsys=capsys)
    for source in "data.csv", "./artifacts/../data.csv":
        named, said = converted("--data", source, capsys=capsys)
        assert named["data"] == plain["data"] == {**data.provenance, "source": data.source}
        assert named["accuracy"]["after"] == plain["accuracy"]["after"]
        assert "not the data" not in said
        found = test_inputs.for_models([Path("artifacts/model_int8.tflite")], source)
        assert found.sha256 == data.sha256
    metadata = load_model("artifacts/model_int8.tflite").metadata
    assert metadata is not None
    assert metadata.labels == CLASSES


@pytest.mark.tensorflow
def test_data_that_have_moved_are_known_by_their_digest(
    trained: tuple[Path, Dataset], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, data = trained
    converted(capsys=capsys)
    (tmp_path / "moved.csv").write_bytes((tmp_path / "data.csv").read_bytes())
    named, _ = converted("--data", "moved.csv", capsys=capsys)
    assert named["data"]["sha256"] == data.sha256
    # Of a file alone nothing says where its data were.
    alone = tmp_path / "alone.tflite"
    alone.write_bytes((tmp_path / "artifacts" / "model_int8.tflite").read_bytes())
    assert test_inputs.for_models([alone], "moved.csv").sha256 == data.sha256


@pytest.mark.tensorflow
@pytest.mark.usefixtures("trained")
def test_other_data_keep_the_classes_and_say_what_divided_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "other.csv", seed=1)
    note = "other.csv: these are not the data that the model was trained on, and are divided"
    converted(capsys=capsys)
    int8 = Path("artifacts/model_int8.tflite")
    found = test_inputs.for_models([int8], "other.csv")
    assert any(one.startswith(note) for one in found.notes)
    found = test_inputs.for_models([int8], "other.csv", reading=Reading(group="subject"))
    assert not any("not the data" in one for one in found.notes)
    named, said = converted("--data", "other.csv", capsys=capsys)
    assert named["data"]["classes"] == list(CLASSES)
    assert named["accuracy"]["after"]["accuracy"] > 0.6
    assert f"{note} without --group subject" in " ".join(said.split())
    metadata = load_model(int8).metadata
    assert metadata is not None
    assert metadata.labels == CLASSES


@pytest.mark.tensorflow
def test_an_array_of_features_calibrates_in_their_own_units(
    trained: tuple[Path, Dataset], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, data = trained
    path = tmp_path / "artifacts" / "metrics.json"
    scale = {"mean": [1000.0, -50.0], "std": [500.0, 0.01]}
    path.write_text(json.dumps({**json.loads(path.read_text()), "normalization": scale}))
    np.save("features.npy", data.x_train)
    converted("--calibration", "features.npy", "--calibration-size", "10000", capsys=capsys)
    of_array = load_model("artifacts/model_int8.tflite").input
    converted("--calibration-size", "10000", capsys=capsys)
    of_data = load_model("artifacts/model_int8.tflite").input
    assert (of_array.scale, of_array.zero_point) == (of_data.scale, of_data.zero_point)


@pytest.mark.tensorflow
def test_other_pictures_are_framed_as_the_first_were(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    for folder in "first", "second":
        for name, level in ("dark", 40), ("light", 200):
            for number in range(5):
                path = tmp_path / folder / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (12, 8), level + number).save(path)
    keras = frameworks.keras()
    layers = [keras.layers.Flatten(), keras.layers.Dense(2)]
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    model = artifacts / "model.keras"
    keras.Sequential([keras.Input((8, 8, 1)), *layers]).save(model)
    first = load(str(tmp_path / "first"), None, (8, 8, 1), framing="centre-crop")
    metrics = {"data": {**first.provenance, "source": first.source}, "model_sha256": sha256(model)}
    metrics["data"]["framing"] = "centre-crop"
    (artifacts / "metrics.json").write_text(json.dumps(metrics))
    words = ["--artifacts", str(artifacts), "--input-range", "0,1", "--task", "classify"]
    converted(*words, "--data", str(tmp_path / "second"), capsys=capsys)
    metadata = load_model(artifacts / "model_int8.tflite").metadata
    assert metadata is not None
    assert metadata.framing == "centre-crop"
