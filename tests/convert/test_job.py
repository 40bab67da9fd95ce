"""What a conversion finds out by itself: the output's meaning and the pixels' range."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import documents
import edge_runtime
from edgekit import cli, frameworks
from edgekit.convert import input_range, meaning, source
from edgekit.convert.forward import trace
from edgekit.convert.input_range import CANDIDATES, Range, Trial
from edgekit.errors import DataError, ModelFileError


def model_of(last: str, loss: str = "", shape: tuple[int, ...] = (10,), outputs: int = 3) -> Any:
    return SimpleNamespace(
        forward=SimpleNamespace(last_op=last),
        loss=loss,
        path=Path("m.keras"),
        shape=shape,
        output_shape=(outputs,),
        outputs=outputs,
        rebuilds_input=outputs == np.prod(shape) >= 3,
        output_specs=(None,),
        file=None,
    )


@pytest.mark.parametrize(
    ("model", "task", "classes", "expected"),
    [
        (model_of("Softmax"), None, None, "probabilities"),
        (model_of("Sigmoid", outputs=1), None, None, "probabilities"),
        (model_of("BiasAdd", "binary_crossentropy", outputs=1), None, None, "logits"),
        (model_of("BiasAdd", "sparse_categorical_crossentropy"), None, None, "logits"),
        (model_of("BiasAdd", "mean_squared_error", outputs=1), None, 2, "numbers"),
        (model_of("BiasAdd", "bce", outputs=1), None, None, "logits"),
        (model_of("BiasAdd", "squared_hinge", outputs=1), None, None, "logits"),
        (model_of("BiasAdd"), None, 3, "logits"),
        (model_of("BiasAdd"), None, None, "numbers"),
        (model_of("BiasAdd", shape=(640,), outputs=640), None, None, "numbers"),
        (model_of("Sigmoid", "binary_crossentropy", (784,), 784), None, None, "numbers"),
        (model_of("Sigmoid", "binary_crossentropy", (3,), 3), None, 3, "probabilities"),
        (model_of("Softmax", "mean_squared_error"), None, None, "probabilities"),
        (model_of("BiasAdd", "mean_squared_error"), "classify", None, "logits"),
        (model_of("Sigmoid", outputs=1), "regression", None, "numbers"),
    ],
)
def test_the_meaning(model: Any, task: str | None, classes: int | None, expected: str) -> None:
    decided = meaning.decide(model, task, classes)
    assert decided.name == expected
    assert decided.reason


@pytest.mark.parametrize(
    ("model", "task", "expected", "name"),
    [
        (model_of("Softmax"), None, "classify", "probabilities"),
        (model_of("Softmax", outputs=2), None, "binary", "probabilities"),
        (model_of("BiasAdd", "bce", outputs=1), None, "binary", "logits"),
        (model_of("BiasAdd", "mse", outputs=1), None, "regress", "numbers"),
        (model_of("BiasAdd", shape=(640,), outputs=640), None, "anomaly", "numbers"),
        (model_of("Sigmoid", outputs=1), "classify", "classify", "probabilities"),
        (model_of("BiasAdd", "mse", outputs=1), "binary", "binary", "logits"),
        (model_of("Sigmoid"), "multilabel", "multilabel", "probabilities"),
        (model_of("BiasAdd", "mse"), "multilabel", "multilabel", "logits"),
        (model_of("Sigmoid", shape=(2,), outputs=2), "anomaly", "anomaly", "numbers"),
        (model_of("Softmax"), "classification", "classify", "probabilities"),
        (model_of("BiasAdd"), "regression", "regress", "numbers"),
        (model_of("BiasAdd", shape=(4,), outputs=4), "autoencoder", "anomaly", "numbers"),
    ],
)
def test_the_task(model: Any, task: str | None, expected: str, name: str) -> None:
    decided = meaning.decide(model, task, None)
    assert (decided.task, decided.name, decided.stated) == (expected, name, bool(task))


def test_data_with_several_labels_decide() -> None:
    for loss in ("", "binary_crossentropy"):
        found = meaning.decide(model_of("BiasAdd", loss), None, None, independent=True)
        assert (found.task, found.name) == ("multilabel", "logits")
    assert meaning.decide(model_of("Softmax"), None, None, independent=True).task == "classify"
    of_numbers = meaning.decide(model_of("BiasAdd", "mse"), None, None, independent=True)
    assert of_numbers.task == "regress"


@pytest.mark.parametrize(
    ("model", "task", "says"),
    [
        (model_of("Softmax"), "binary", "tells more than two classes apart"),
        (model_of("Softmax"), "multilabel", "it ends in Softmax, whose scores exclude each other"),
        (model_of("BiasAdd", shape=(4,)), "anomaly", "does not rebuild its input of"),
    ],
)
def test_an_output_that_does_not_fit_the_task_is_refused(model: Any, task: str, says: str) -> None:
    with pytest.raises(ModelFileError, match=f"--task {task}: .*{says}"):
        meaning.decide(model, task, None)


def test_there_is_no_other_task() -> None:
    with pytest.raises(DataError, match="--task rank: there are classify, binary"):
        meaning.decide(model_of("Softmax"), "rank", None)


def test_a_picture_is_not_one_score_for_each_class() -> None:
    model = SimpleNamespace(**vars(model_of("BiasAdd")) | {"output_shape": (4, 4, 3)})
    assert meaning.decide(model, None, None).name == "numbers"
    with pytest.raises(ModelFileError, match="--task classify: an output of"):
        meaning.decide(model, "classification", None)


def rescaling(x: Any) -> Any:
    return x * 2.0 - 1.0


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x: x * (1 / 255), (0, 255)),
        (lambda x: x / 127.5 - 1.0, (0, 255)),
        (rescaling, (0, 1)),
        (lambda x: (x - 0.1307) / 0.3081, (0, 1)),
        (lambda x: (x - np.float32([124, 117, 104])) / np.float32([59, 57, 57]), (0, 255)),
        (lambda x: (x + 1.0) / 2.0, (-1, 1)),
        (lambda x: x, None),
    ],
)
def test_a_models_own_rescaling_tells_the_range(
    call: Callable[[Any], Any], expected: Range | None
) -> None:
    tf = frameworks.tensorflow()
    weights = tf.constant(np.ones((12, 2), np.float32))

    def forward(x: Any) -> Any:
        return tf.nn.softmax(tf.matmul(tf.reshape(call(x), [-1, 12]), weights))

    traced = trace(forward, (1, 2, 2, 3))
    assert traced.last_op == "Softmax"
    assert input_range.from_graph(traced) == expected


def attempt_of(**right: int) -> Callable[[Range], Trial]:
    """Right answers of 1000 with 0..255, 0..1 and -1..1."""
    by_range = dict(zip(CANDIDATES, (right["bytes"], right["unit"], right["signed"]), strict=True))
    return lambda candidate: Trial(candidate, by_range[candidate], 1000)


class Graph:
    """A forward pass that rescales as if from 0..255, or not at all."""

    def __init__(self, *, rescales: bool) -> None:
        self._rescales = rescales

    def rescaled(self, values: Any) -> Any:
        if not self._rescales:
            return None
        return np.asarray(values, np.float32)[:, None] / 255


@pytest.mark.parametrize(
    ("rescales", "attempt", "expected", "warned"),
    [
        (False, None, (0, 1), True),
        (True, None, (0, 255), False),
        (True, attempt_of(bytes=920, unit=90, signed=80), (0, 255), False),
        (True, attempt_of(bytes=90, unit=920, signed=100), (0, 1), True),
        (False, attempt_of(bytes=90, unit=500, signed=920), (-1, 1), False),
        (False, attempt_of(bytes=921, unit=920, signed=920), (0, 1), False),
    ],
)
def test_labelled_data_decides(rescales: bool, attempt: Any, expected: Range, warned: bool) -> None:
    graph: Any = Graph(rescales=rescales)
    decided = input_range.decide(None, None, graph, attempt)
    assert decided is not None
    assert (decided.low, decided.high) == expected
    assert bool(decided.warning) == warned
    assert decided.reason


def test_what_the_user_says_is_used_and_doubted() -> None:
    attempt = attempt_of(bytes=90, unit=920, signed=800)
    graph: Any = Graph(rescales=False)
    chosen = input_range.decide((-1.0, 1.0), (0.0, 1.0), graph, attempt)
    assert chosen is not None
    assert chosen.reason == "--input-range"
    assert "with 0 to 1 92.0%" in chosen.warning
    recorded = input_range.decide(None, (0.0, 255.0), graph, attempt)
    assert recorded is not None
    assert (recorded.high, recorded.warning) == (255.0, "")


def test_what_nothing_tells_is_a_guess_or_not_said() -> None:
    graph: Any = Graph(rescales=False)
    guessed = input_range.decide(None, None, graph, None)
    assert guessed is not None
    assert guessed.warning == input_range.UNKNOWN
    assert input_range.decide(None, None, graph, None, guess=False) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(256) / np.float32(255), (0, 1)),
        (np.arange(0, 256, 5, np.float32), (0, 255)),
        (np.arange(256, dtype=np.float32) / np.float32(127.5) - 1, (-1, 1)),
        (np.linspace(0, 1, 1000, dtype=np.float32), None),
        (np.array([0.0, 1.0, 3.0], np.float32), None),
        (np.random.default_rng(0).normal(0, 1, 100), None),
    ],
)
def test_inputs_that_are_pixels_tell_their_range(values: Any, expected: Range | None) -> None:
    assert input_range.from_values(values) == expected
    graph: Any = Graph(rescales=True)
    found = input_range.of_inputs(values, graph)
    assert (found and (found.low, found.high)) == expected
    assert bool(found and found.warning) == (expected in ((0, 1), (-1, 1)))


def test_the_normalisation_of_a_range() -> None:
    mean, std = input_range.InputRange(-1.0, 1.0, "").normalization
    assert [(pixel - mean) / std for pixel in (0, 255)] == [-1, 1]


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """reg.keras of four features, compiled with mse, and reg.npz with what it should give."""
    keras = frameworks.keras()
    folder = tmp_path_factory.mktemp("regression")
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential([keras.Input((4,)), layers.Dense(6, "relu"), layers.Dense(1)])
    model.compile("adam", "mse")
    model.save(folder / "reg.keras")
    x = np.random.default_rng(0).normal(0, 1, (200, 4)).astype(np.float32)
    y = np.asarray(model(x))[:, 0] + np.float32(0.01)
    np.savez(folder / "reg.npz", x=x, y=y)
    return folder


def test_a_regression_keeps_its_numbers(
    regression: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, data = tmp_path / "reg.tflite", regression / "reg.npz"
    command = ["convert", str(regression / "reg.keras"), "--data", str(data), "-o", str(output)]
    assert cli.run([*command, "--quantize", "--json"]) == 0
    document = documents.read(capsys.readouterr().out)
    assert document["meaning"]["name"] == "numbers"
    assert document["input_range"]["pixels"] is None
    assert document["accuracy"] is None
    assert document["numbers"]["before"]["rmse"] == pytest.approx(0.01, rel=1e-3)
    assert 0.9 < document["numbers"]["after"]["r2"] < 1
    assert document["calibration"]["warnings"] == []
    model = edge_runtime.load(output)
    assert model.metadata is not None
    assert (model.meaning, model.metadata.mean, model.metadata.labels) == ("numbers", (), ())
    x = np.load(data)["x"]
    expected = source.load(regression / "reg.keras").predict(x)
    assert model.predict(x) == pytest.approx(expected, abs=0.1)
    with pytest.raises(edge_runtime.ModelError, match=r"use predict\(\)"):
        model.classify(np.zeros((28, 28), np.uint8))
    assert cli.run(["predict", str(output), "--data", str(data), "--json"]) == 0
    predictions = documents.read(capsys.readouterr().out)["predictions"]
    assert [one["values"] for one in predictions] == model.predict(x).tolist()
    assert cli.run(["export", str(output), "--name", "reg", "-o", str(tmp_path / "reg")]) == 0
    header = (tmp_path / "reg" / "reg.h").read_text()
    assert "reg_value" in header
    assert "CLASSES" not in header


def test_classes_are_no_names_of_numbers(
    regression: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["convert", str(regression / "reg.keras"), "-o", str(tmp_path / "reg.tflite")]
    assert cli.run([*command, "--classes", "low,high"]) == 2
    error = capsys.readouterr().err
    assert "its loss is mse" in error
    assert "--task classify" in error
    assert not (tmp_path / "reg.tflite").exists()


def test_an_autoencoder_is_measured_by_what_it_rebuilds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keras = frameworks.keras()
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(6)])
    model.layers[0].set_weights([np.eye(6), np.full(6, 0.5)])
    model.save(tmp_path / "a.keras")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(0, 1, (50, 6)))
    command = ["convert", str(tmp_path / "a.keras"), "--data", str(tmp_path / "x.npy"), "--json"]
    assert cli.run([*command, "-o", str(tmp_path / "a.tflite")]) == 0
    document = documents.read(capsys.readouterr().out)
    assert document["meaning"]["name"] == "numbers"
    assert document["numbers"]["before"]["rmse"] == pytest.approx(0.5)


def test_a_model_that_nobody_knows_gets_no_normalisation(tmp_path: Path) -> None:
    """A table, a spectrogram or pictures: without data nothing tells."""
    keras = frameworks.keras()
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((12, 8, 1)), layers.Flatten(), layers.Dense(2, "softmax")]
    )
    model.save(tmp_path / "a.keras")
    command = ["convert", str(tmp_path / "a.keras"), "--classes", "a,b"]
    output = tmp_path / "a.tflite"
    assert cli.run([*command, "-o", str(output)]) == 0
    loaded = edge_runtime.load(output)
    assert loaded.metadata is not None
    assert loaded.metadata.mean == ()
    x = np.random.default_rng(0).normal(0, 9, (3, 12, 8, 1)).astype(np.float32)
    assert loaded.predict(x).shape == (3, 2)
    np.savez(tmp_path / "x.npz", x=x.repeat(4, axis=0), y=["a", "b"] * 6)
    assert cli.run([*command, "--data", str(tmp_path / "x.npz"), "-o", str(output)]) == 0
    assert edge_runtime.load(output).metadata.mean == ()
    pixels = np.random.default_rng(0).integers(0, 256, x.shape) / 255
    np.savez(tmp_path / "p.npz", x=pixels.repeat(4, axis=0), y=["a", "b"] * 6)
    assert cli.run([*command, "--data", str(tmp_path / "p.npz"), "-o", str(output)]) == 0
    assert edge_runtime.load(output).metadata.std == (255.0,)
