"""A model of a table, converted and measured on it as it was read in training."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine

import documents
from edge_runtime import load as load_model
from edgekit import cli, frameworks
from edgekit.benchmarks import dataset as test_inputs
from edgekit.files import sha256
from edgekit.train.data import load
from edgekit.train.reading import Reading

pytestmark = pytest.mark.unsanitized

READING = Reading(label=("kind",), split="part")


@pytest.fixture
def wine(tmp_path: Path) -> Path:
    """The wines, each feature with mean 0 and deviation 1; every fifth is to test with."""
    table = load_wine()
    scaled = (table.data - table.data.mean(axis=0)) / table.data.std(axis=0)
    path = tmp_path / "wine.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["kind", "part", *table.feature_names])
        for index, (x, y) in enumerate(zip(scaled, table.target, strict=True)):
            rows.writerow([table.target_names[y], "train" if index % 5 else "test", *map(float, x)])
    return path


@pytest.mark.tensorflow
def test_a_table_is_found_again_after_training_and_after_conversion(
    wine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = load(str(wine), None, None, reading=READING)
    assert (len(data.x_test), data.features) == (36, tuple(load_wine().feature_names))
    # The nearest of the classes' means, without any training.
    means = np.array([data.x_train[data.y_train == i].mean(axis=0) for i in range(3)])
    keras = frameworks.keras()
    model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(3, activation="softmax")])
    model.set_weights([means.T, -(means**2).sum(axis=1) / 2])
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    path = artifacts / "model.keras"
    model.save(path)
    about = {"source": str(wine), "classes": list(data.labels), "sha256": data.sha256}
    metrics = {"data": {**about, "reading": READING.document}, "model_sha256": sha256(path)}
    (artifacts / "metrics.json").write_text(json.dumps(metrics))

    words = ["convert", str(path), "--artifacts", str(artifacts), "--quantize"]
    assert cli.run([*words, "--json"]) == 0
    captured = capsys.readouterr()
    assert "no longer what the model was trained on" not in captured.err
    report = documents.read(captured.out)
    assert report["data"] == {**data.provenance, "source": str(wine)}
    decided = {**READING.document, "features": list(load_wine().feature_names)}
    assert report["data"]["reading"] == decided
    assert report["accuracy"]["after"]["total"] == 36
    assert report["accuracy"]["after"]["accuracy"] > 0.9
    int8 = artifacts / "model_int8.tflite"
    metadata = load_model(int8).metadata
    assert metadata is not None
    assert metadata.provenance["data"]["reading"] == decided
    found = test_inputs.for_models([int8])
    assert (found.sha256, found.source) == (data.sha256, str(wine))
    # What is chosen now comes first, and the damaged is named.
    assert cli.run([*words, "--features", "alcohol"]) == 2
    assert "inputs of shape [1], but the model needs [13]" in capsys.readouterr().err
    metrics["data"]["reading"] = {"window": -1}
    (artifacts / "metrics.json").write_text(json.dumps(metrics))
    assert cli.run(words) == 2
    assert "damaged: data.reading: window: expected 1 to 65536" in capsys.readouterr().err
