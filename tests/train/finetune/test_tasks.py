"""Fine-tuning of models that do not tell classes apart, with the loss that they trained with."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.meaning import ANOMALY, CLASSIFY, MULTILABEL, REGRESS
from edge_runtime.reader import read
from edgekit import cli, frameworks
from edgekit.convert.targets import float_operators
from edgekit.train import fit, own_model
from edgekit.train.finetune import loss
from edgekit.train.finetune import run as finetune
from edgekit.train.finetune.recipe import Tuning

pytestmark = pytest.mark.tensorflow

MODELS = """
import keras
from keras import layers


def numbers(shape, count):
    model = keras.Sequential([
        keras.Input(shape),
        layers.Conv1D(8, 5, strides=2, padding="causal", use_bias=False),
        layers.BatchNormalization(momentum=0.8),
        layers.ReLU(),
        layers.SeparableConv1D(8, 3, padding="same", activation="relu"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(count),
    ])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mae")
    return model


def rebuilt(shape, _):
    return keras.Sequential([
        keras.Input(shape),
        layers.Dense(8, activation="relu"),
        layers.Dense(2, activation="relu"),
        layers.Dense(shape[0]),
    ])


def labels(shape, count):
    def mine(y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

    model = keras.Sequential([keras.Input(shape), layers.Dense(count, activation="sigmoid")])
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss=mine)
    return model
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.py").write_text(MODELS)
    return tmp_path


def metrics_of(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return document


def test_a_model_of_windows_that_predicts_a_number(here: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(600, 24, 3)).astype(np.float32)
    np.savez("data.npz", x=x, y=3 + 4 * x[..., 1].mean(axis=1))
    command = ["train", "--model", "models.py:numbers", "--data", "data.npz", "--epochs", "40"]
    assert cli.run([*command, "--qat", "--quiet"]) == 0
    metrics = metrics_of(here / "artifacts")
    assert metrics["tuning"]["loss"] == "MeanAbsoluteError"
    assert metrics["task"] == REGRESS
    # The network itself gets 0.87; cross-entropy, the wrong loss, would leave less than 0.
    assert metrics["errors"]["r2"] > 0.8
    stages = [line.split(",") for line in (here / "artifacts" / "history.csv").read_text().split()]
    assert [row[2] for row in stages[-5:]] == [""] * 5, "no accuracy"
    names = [kernel["layer"] for kernel in metrics["tuning"]["kernels"]]
    assert len(names) == 4, "a separable convolution has two"
    assert cli.run(["convert", "--quantize", "--min", "r2=0.75", "--max-drop", "0.05"]) == 0
    assert float_operators(read((here / "artifacts" / "model_int8.tflite").read_bytes())) == []


def test_a_detector_learns_normal_inputs_alone(here: Path) -> None:
    random = np.random.default_rng(1)
    kind = random.integers(0, 3, 900)
    x = random.normal(size=(900, 1)) * np.linspace(-1, 2, 6) + random.normal(size=(900, 6)) * 0.05
    x[kind == 1] = random.normal(size=(np.sum(kind == 1), 6)) * 4
    x[kind == 2, 3] += 5
    names = np.array(["ok", "bent", "torn"])[kind]
    np.savez("data.npz", x=x.astype(np.float32), y=names)
    options = ["--data", "data.npz", "--task", "anomaly", "--epochs", "60"]
    assert cli.run(["train", "--model", "models.py:rebuilt", *options, "--quiet"]) == 0
    before = metrics_of(here / "artifacts")
    tune = ["tune", "artifacts/model.keras", "--qat", "--epochs", "3", "--artifacts", "tuned"]
    assert cli.run([*tune, "--quiet"]) == 0
    after = metrics_of(here / "tuned")
    assert after["task"] == ANOMALY
    assert after["tuning"]["loss"] == "MeanSquaredError"
    assert after["data"]["classes"] == before["data"]["classes"] == ["bent", "ok", "torn"]
    # Trained on anomalies, or on classes in the place of inputs, it would rebuild nothing normal.
    assert after["loss"] < 1.2 * before["loss"] + 0.01
    assert after["metrics"]["auc"] > 0.97
    convert = ["convert", "--quantize", "--min", "auc=0.97", "--artifacts", "tuned"]
    assert cli.run(convert) == 0


def test_a_loss_of_the_users_own_gives_way_to_one_of_the_task(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.random.default_rng(2).normal(size=(300, 4)).astype(np.float32)
    np.savez("data.npz", x=x, y=(x[:, :3] > 0).astype(np.uint8))
    command = ["train", "--model", "models.py:labels", "--data", "data.npz", "--epochs", "30"]
    assert cli.run([*command, "--task", "multilabel", "--cluster", "4"]) == 0
    assert "fine-tuned with BinaryCrossentropy: the model's own loss" in capsys.readouterr().err
    metrics = metrics_of(here / "artifacts")
    assert metrics["task"] == MULTILABEL
    assert metrics["metrics"]["f1"] > 0.9
    assert metrics["tuning"]["kernels"][0]["values"] <= 4


def test_indices_and_weights_of_inputs() -> None:
    keras = frameworks.keras()
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(3).normal(size=(256, 4)).astype(np.float32)
    y = np.arange(256) % 2
    # Only class 1 counts, so that nothing else is answered any more.
    data = fit.Data(x, y, x[:64], y[:64], y.astype(np.float32))
    tuning = Tuning(prune=0.25, epochs=20, learning_rate=0.1)
    tuned = finetune.tune(model, tuning, data, "it", CLASSIFY)
    assert tuned.loss == "SparseCategoricalCrossentropy"
    assert np.asarray(model(x)).argmax(axis=1).all()
    assert all(epoch.accuracy is not None for epoch in tuned.history)


def test_a_loss_is_known_by_what_it_is() -> None:
    losses = frameworks.keras().losses

    class MeanSquaredError(losses.MeanSquaredError):  # type: ignore[misc, name-defined]
        """Not Keras' own."""

    assert loss.described("mse") == loss.described(losses.mean_squared_error)
    assert loss.described("mse") == loss.Loss("MeanSquaredError", {})
    assert loss.described(losses.Huber(delta=0.5)) == loss.Loss("Huber", {"delta": 0.5})
    smoothed = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    arguments = {"from_logits": True, "label_smoothing": 0.1}
    assert loss.described(smoothed) == loss.Loss("CategoricalCrossentropy", arguments)
    assert loss.described(MeanSquaredError()) is None
    assert loss.described(lambda y, x: x - y) is None


@pytest.mark.parametrize("kind", loss.LOSSES)
def test_a_loss_is_the_same_in_both(kind: str) -> None:
    keras, old = frameworks.keras(), frameworks.tf_keras()
    random = np.random.default_rng(4)
    truth, found = (random.uniform(0.1, 0.9, (6, 3)).astype(np.float32) for _ in range(2))
    if kind == "SparseCategoricalCrossentropy":
        truth = np.array([0, 1, 2, 2, 1, 0], np.float32)
    described = loss.described(getattr(keras.losses, kind)())
    assert described
    pair = [float(described.made(library)(truth, found)) for library in (keras, old)]
    assert pair[0] == pytest.approx(pair[1], rel=1e-5)


@pytest.mark.parametrize(
    ("task", "last", "trained_with", "kind"),
    [
        (REGRESS, 3, "mean_absolute_error", "mean_absolute_error"),
        (REGRESS, 1, "my_own", "mean_squared_error"),
        (ANOMALY, 3, "", "mean_squared_error"),
        (ANOMALY, 3, "binary_crossentropy", "BinaryCrossentropy"),
        (MULTILABEL, 3, "", "BinaryCrossentropy"),
        (CLASSIFY, 3, "", "CategoricalCrossentropy"),
        (CLASSIFY, 1, "", "BinaryCrossentropy"),
    ],
)
def test_a_loss_fits_the_task(task: str, last: int, trained_with: str, kind: str) -> None:
    keras = frameworks.keras()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(last)])
    fitting = own_model.loss_for(model, task, trained_with)
    assert getattr(fitting, "__name__", type(fitting).__name__) == kind
    assert getattr(fitting, "from_logits", True), "nothing makes scores of the output"


def test_scores_of_a_layer_that_only_gives_them_a_shape() -> None:
    keras, k = frameworks.keras(), frameworks.keras().layers
    image = keras.Input((1, 1, 3))
    scores = k.Flatten()(k.Conv2D(2, 1, activation="softmax")(image))
    assert own_model.ending(keras.Model(image, scores)) == "softmax"
