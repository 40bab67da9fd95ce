"""Models of the user's own: built, trained, killed and resumed, converted with their front end."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_runtime
from edgekit.commands.convert import command as convert
from edgekit.commands.train import command as train
from edgekit.errors import DataError, MissingExtraError, ModelFileError
from edgekit.train import augment, own_model
from edgekit.train.data import load
from edgekit.train.fit import Epoch, Progress, fit
from edgekit.train.recipe import Recipe

pytestmark = pytest.mark.tensorflow

MODELS = """
import keras

from beside import NODES


def classify(shape, classes):
    return keras.Sequential([
        keras.Input(shape),
        keras.layers.Dense(NODES, activation="relu"),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(classes, activation="softmax"),
    ])


def sparse(shape, classes):
    model = keras.Sequential([
        keras.Input(shape),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(classes),
    ])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss=loss)
    return model


def one_node(shape, classes):
    return keras.Sequential([keras.Input(shape), keras.layers.Dense(1, activation="sigmoid")])


def numbers(shape, count):
    return keras.Sequential([keras.Input(shape), keras.layers.Dense(count)])


def fails(shape, classes):
    return [][classes]


def nothing(shape, classes):
    return classes


def alone():
    return None
"""
SCALES = 10.0 ** np.array([-3, -1, 0, 2, 4])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with model functions, and data of features, pictures and numbers."""
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "beside.py").write_text("NODES = 8\n")
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 240)
    x = ((random.normal(size=(240, 5)) + 3 * y[:, None]) * SCALES).astype(np.float32)
    np.savez(tmp_path / "features.npz", x=x, y=np.array(["low", "middle", "high"])[y])
    np.savez(tmp_path / "two.npz", x=x, y=y > 0)
    np.savez(tmp_path / "numbers.npz", x=x, y=(x / SCALES).sum(axis=1).astype(np.float32))
    np.savez(tmp_path / "unlabelled.npz", x=x)
    pictures = random.integers(0, 99, (120, 9, 8, 3)).astype(np.uint8)
    pictures[::3, :, :, 1] += 90
    np.savez(tmp_path / "pictures.npz", x=pictures, y=np.arange(120) % 3 == 0)
    return tmp_path


def run(folder: Path, function: str, data: str, *options: str) -> dict[str, Any]:
    """Train in the folder's ``artifacts`` and return metrics.json."""
    arguments = ["--model", f"{folder / 'models.py'}:{function}", "--data", str(folder / data)]
    arguments += ["--artifacts", str(folder / "artifacts"), "--epochs", "12", "--quiet", *options]
    assert train.main(arguments, standalone_mode=False) == 0
    document: dict[str, Any] = json.loads((folder / "artifacts" / "metrics.json").read_text())
    return document


def quantised(folder: Path) -> edge_runtime.Model:
    """Convert the folder's model to int8 and open it."""
    arguments = ["--quantize", "--artifacts", str(folder / "artifacts"), "--quiet"]
    assert convert.main(arguments, standalone_mode=False) == 0
    return edge_runtime.load(folder / "artifacts" / "model_int8.tflite")


def test_raw_features_go_in_from_training_to_the_runtime(folder: Path) -> None:
    metrics = run(folder, "classify", "features.npz", "--learning-rate", "0.03")
    assert metrics["accuracy"] > 0.9
    assert metrics["recipe"]["model"] == "models.py:classify"
    assert "hidden" not in metrics["recipe"]
    dataset = load(str(folder / "features.npz"), shape=(5,))
    assert metrics["normalization"]["mean"] == pytest.approx(dataset.x_train.mean(axis=0), rel=1e-4)
    with quantised(folder) as model:
        assert model.metadata is not None
        assert model.metadata.features
        scores = model.predict(dataset.x_test)
        assert np.mean(scores.argmax(axis=1) == dataset.y_test) == metrics["accuracy"]
        # A broken sensor saturates; what is no number is refused.
        assert np.isfinite(model.predict(np.full((1, 5), 3e30))).all()
        with pytest.raises(edge_runtime.InputError, match="NaN"):
            model.predict(np.full((1, 5), np.nan))
        with pytest.raises(edge_runtime.InputError, match="5 features in the last axis"):
            model.predict(np.zeros((1, 4)))
    card = (folder / "artifacts" / "model_card.md").read_text()
    assert "`models.py:classify`" in card
    assert not (folder / "artifacts" / "checkpoint.npz").exists()


def test_a_compiled_model_keeps_its_loss_and_optimiser(folder: Path) -> None:
    options = ("--augment", "flip,shift=0.2,noise", "--class-weight", "balanced")
    metrics = run(folder, "sparse", "pictures.npz", *options)
    assert metrics["loss_name"] == "sparse categorical cross-entropy"
    assert metrics["optimizer"] == {"name": "sgd", "learning_rate": 0.05}
    assert metrics["meaning"] == "logits"
    assert metrics["input_range"] == [0.0, 1.0]
    with quantised(folder) as model:
        assert model.input.shape == (1, 9, 8, 3)


def test_one_sigmoid_node_tells_two_classes_apart(folder: Path) -> None:
    metrics = run(folder, "one_node", "two.npz", "--learning-rate", "0.1")
    assert metrics["loss_name"] == "binary cross-entropy"
    assert metrics["accuracy"] > 0.9
    with quantised(folder) as model:
        dataset = load(str(folder / "two.npz"), shape=(5,))
        answers = model.predict(dataset.x_test).argmax(axis=1)
        assert np.mean(answers == dataset.y_test) == pytest.approx(metrics["accuracy"], abs=0.05)


def test_numbers_are_reported_as_errors(folder: Path) -> None:
    metrics = run(folder, "numbers", "numbers.npz", "--learning-rate", "0.1", "--epochs", "40")
    assert metrics["errors"]["r2"] > 0.9
    assert "accuracy" not in metrics
    header, first, *_ = (folder / "artifacts" / "history.csv").read_text().splitlines()
    assert header.split(",")[2] == "accuracy"
    assert first.split(",")[2] == ""
    assert "rmse" in (folder / "artifacts" / "model_card.md").read_text()
    assert not (folder / "artifacts" / "confusion_matrix.png").exists()


def test_without_targets_the_input_is_rebuilt(folder: Path) -> None:
    metrics = run(folder, "numbers", "unlabelled.npz", "--learning-rate", "0.1", "--epochs", "40")
    assert metrics["meaning"] == "numbers"
    assert metrics["errors"]["r2"] > 0.9


class KilledError(Exception):
    """Stands in for a kill between two epochs."""


@pytest.mark.parametrize(("function", "data"), [("classify", "features"), ("sparse", "pictures")])
def test_a_run_that_was_killed_goes_on_as_if_nothing_had_happened(
    folder: Path, function: str, data: str
) -> None:
    own = own_model.load(f"{folder / 'models.py'}:{function}")
    dataset = load(str(folder / f"{data}.npz"), shape=None)
    noise = "noise" if data == "features" else "flip,rotate"
    recipe = Recipe(epochs=5, model=own.spelling, augment=noise)
    saved = folder / "checkpoint.npz"

    def kill(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KilledError

    whole = fit(recipe, dataset, own=own)
    with pytest.raises(KilledError):
        fit(recipe, dataset, Progress(kill, saved), own)
    resumed = fit(recipe, dataset, Progress(checkpoint=saved, resume=True), own)
    pairs = zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True)
    assert all(np.array_equal(first, second) for first, second in pairs)
    assert [epoch.loss for epoch in whole.history] == [epoch.loss for epoch in resumed.history]
    again = fit(recipe, dataset, Progress(checkpoint=saved, resume=True), own)
    assert len(again.history) == 5
    for other in (Recipe(epochs=5, seed=7), Recipe(epochs=5, batch_size=8)):
        with pytest.raises(DataError, match="of a run with another recipe"):
            fit(other, dataset, Progress(checkpoint=saved, resume=True), own)


def test_early_stopping_remembers_the_epochs_before(folder: Path) -> None:
    own = own_model.load(f"{folder / 'models.py'}:numbers")
    dataset = load(str(folder / "numbers.npz"), shape=None)
    recipe = Recipe(epochs=60, patience=3, learning_rate=0.5, model=own.spelling)
    saved = folder / "checkpoint.npz"
    whole = fit(recipe, dataset, own=own)
    assert len(whole.history) < 60

    def kill(epoch: Epoch) -> None:
        if epoch.number == len(whole.history) - 1:
            raise KilledError

    with pytest.raises(KilledError):
        fit(recipe, dataset, Progress(kill, saved), own)
    resumed = fit(recipe, dataset, Progress(checkpoint=saved, resume=True), own)
    assert len(resumed.history) == len(whole.history)


def test_a_checkpoint_that_is_missing_or_damaged(folder: Path) -> None:
    own = own_model.load(f"{folder / 'models.py'}:numbers")
    dataset = load(str(folder / "numbers.npz"), shape=None)
    saved = folder / "checkpoint.npz"
    for content in (None, b"PK\x03\x04", b"garbage"):
        if content is not None:
            saved.write_bytes(content)
        with pytest.raises(DataError, match=r"train without --resume|not a readable"):
            fit(Recipe(epochs=1), dataset, Progress(checkpoint=saved, resume=True), own)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("models.py", r"expected PATH\.py:FUNCTION"),
        ("nowhere.py:build", "is no file"),
        ("models.py:clasify", r"no function 'clasify'\. Did you mean 'classify'"),
        ("models.py:alone", "must accept two arguments"),
        ("broken.py:build", r"broken\.py:2: SyntaxError"),
        ("stops.py:build", r"stops\.py:2: ZeroDivisionError"),
    ],
)
def test_a_function_that_cannot_be_loaded(
    folder: Path, text: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    Path("broken.py").write_text("\ndef build(:\n")
    Path("stops.py").write_text("\nONE = 1 / 0\n")
    with pytest.raises(ModelFileError, match=problem) as caught:
        own_model.load(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("function", "data", "problem"),
    [
        ("fails", "features", r"models\.py:\d+: fails\(\(5,\), 3\) failed: IndexError"),
        ("nothing", "features", r"returned int and no keras\.Model"),
        ("classify", "pictures", r"its output is \[9, 8, 2\]; the data need \[2\]"),
        ("one_node", "features", r"its output is \[1\]; the data need \[3\]"),
        ("one_node", "unlabelled", r"its output is \[1\]; the data need \[5\], the input's"),
    ],
)
def test_a_model_that_does_not_fit(folder: Path, function: str, data: str, problem: str) -> None:
    own = own_model.load(f"{folder / 'models.py'}:{function}")
    dataset = load(str(folder / f"{data}.npz"), shape=None)
    with pytest.raises(ModelFileError, match=problem):
        own_model.build(own, Recipe(), dataset)


def test_options_of_the_documented_model_are_refused(folder: Path) -> None:
    import click

    with pytest.raises(click.UsageError, match="--hidden is of the documented model"):
        run(folder, "classify", "features.npz", "--hidden", "3")


def test_tensorboard_gets_logs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard")
    run(folder, "classify", "features.npz", "--tensorboard", str(folder / "logs"))
    assert list((folder / "logs" / "train").iterdir())
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="tensorboard is not installed"):
        run(folder, "classify", "features.npz", "--tensorboard", str(folder / "logs"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [("flop", "Did you mean 'flip'"), ("rotate=2", "from 0 to 1"), ("flip=1", "has no amount")],
)
def test_an_augmentation_that_is_not_there(text: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        augment.parse(text)


def test_pictures_alone_are_flipped() -> None:
    with pytest.raises(DataError, match="is for pictures"):
        augment.layers("flip", (5,))
