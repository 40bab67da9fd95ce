"""Fine-tuning in its own process: its results, its files, its errors."""

import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import documents
import edge_runtime
from edge_runtime.install import install_line
from edge_runtime.meaning import CLASSIFY
from edge_runtime.reader import read
from edgekit import cli, frameworks
from edgekit.convert import compare, source
from edgekit.convert.conversion import Conversion
from edgekit.convert.targets import float_operators
from edgekit.convert.tflite import to_tflite
from edgekit.errors import MissingExtraError, ModelFileError, TrainingError
from edgekit.files import QUANTIZED_FORWARD, sha256
from edgekit.train import fit
from edgekit.train.data import load
from edgekit.train.dataset import Dataset, scaled
from edgekit.train.finetune import run as finetune
from edgekit.train.finetune.recipe import Tuning

OUTLIER = 80.0
"""Against weights below 0.4: one scale for all is 80 / 127 then, and they become 0 or 1."""


@pytest.fixture(scope="module")
def few(synthetic: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An .npz of as few digits as a model needs that is always right: 640 and 400."""
    path = tmp_path_factory.mktemp("few") / "few.npz"
    train = {name: getattr(synthetic, name)[:640] for name in ("x_train", "y_train")}
    test = {name: getattr(synthetic, name)[:400] for name in ("x_test", "y_test")}
    np.savez(path, **train, **test)
    return path


def report_of(path: Path) -> dict[str, Any]:
    return documents.read(path.with_name(f"{path.name}.report.json").read_text())


def kernels_of(path: Path) -> list[Any]:
    model = frameworks.keras().models.load_model(path)
    return [np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")]


def spoilt(source_folder: Path, folder: Path) -> Path:
    """The model with one weight far out; the corner pixel it multiplies is black in every image."""
    folder.mkdir()
    model = frameworks.keras().models.load_model(source_folder / "model.keras")
    (kernel, _) = (layer.kernel for layer in model.layers if hasattr(layer, "kernel"))
    values = np.asarray(kernel).copy()
    values[0, 0] = OUTLIER
    kernel.assign(values)
    model.save(folder / "model.keras")
    metrics = json.loads((source_folder / "metrics.json").read_text())
    metrics["model_sha256"] = sha256(folder / "model.keras")
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


@pytest.fixture(scope="module")
def plain(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    command = ["train", "--data", str(few), "--epochs", "10", "--artifacts", str(folder)]
    assert cli.run(command) == 0
    return folder


@pytest.fixture(scope="module")
def combined(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pruned, clustered and quantisation-aware, then converted; four epochs each."""
    folder = tmp_path_factory.mktemp("combined")
    options = ["--epochs", "4", "--prune", "0.8", "--cluster", "16", "--qat"]
    command = ["train", "--data", str(few), *options, "--artifacts", str(folder)]
    assert cli.run(command) == 0
    assert cli.run(["convert", "--quantize", "--artifacts", str(folder)]) == 0
    return folder


def test_zeros_and_clusters_survive_quantisation_aware_training(combined: Path) -> None:
    first, second = kernels_of(combined / "model.keras")
    assert np.mean(first == 0) >= 0.8
    assert np.sum(second == 0) == 22  # of 28
    assert len(np.unique(first)) <= 16
    graph = read((combined / "model_int8.tflite").read_bytes())
    stored = [
        np.frombuffer(graph.tensors[op.inputs[1]].data or b"", np.int8)
        for op in graph.ops
        if op.name == "FULLY_CONNECTED"
    ]
    for kernel, weights in zip((first, second), stored, strict=True):
        # The weights of model.keras are those of the int8 file: on its grid already.
        largest = np.abs(kernel).max()
        np.testing.assert_allclose(kernel.T.ravel(), weights * (largest / 127), rtol=1e-5)


def test_what_is_written_says_what_was_done(combined: Path, few: Path) -> None:
    metrics = documents.read((combined / "metrics.json").read_text())
    tuning = metrics["tuning"]
    assert tuning["recipe"]["prune"] == 0.8
    assert tuning["recipe"]["learning_rate"] == pytest.approx(0.001)
    assert [(s["stage"], s["first_epoch"], s["epochs"]) for s in tuning["stages"]] == [
        ("prune", 5, 4),
        ("cluster", 9, 4),
        ("qat", 13, 4),
    ]
    assert (
        metrics["epochs_run"] == len((combined / "history.csv").read_text().splitlines()) - 1 == 16
    )
    first, second = kernels_of(combined / "model.keras")
    for summary, kernel in zip(tuning["kernels"], (first, second), strict=True):
        assert summary["zeros"] == np.sum(kernel == 0)
        assert summary["sparsity"] == summary["zeros"] / kernel.size
        assert summary["values"] == len(np.unique(kernel))
    assert tuning["deflated_kernels"]["after"] < tuning["deflated_kernels"]["before"] / 2
    card = (combined / "model_card.md").read_text()
    assert "Pruned to 80% zeros, clustered to 16 values a kernel, trained with int8's" in card
    assert "| epochs | 4 of at most 4," in card
    # The figures are those of the Keras 3 model in the file.
    model = frameworks.keras().models.load_model(combined / "model.keras")
    digits = load(str(few))
    predicted = np.asarray(model(scaled(digits.x_test))).argmax(axis=1)
    assert metrics["correct"] == int(np.sum(predicted == digits.y_test))


def test_convert_uses_the_ranges_that_were_learned(combined: Path, synthetic: Dataset) -> None:
    report = report_of(combined / "model_int8.tflite")
    assert report["ranges"] == "learned"
    assert report["calibration"] is None
    assert report["bytes"]["tflite_deflated"] < report["bytes"]["tflite"] / 2
    classifier = source.load(combined / "model.keras")
    assert classifier.learned is not None
    tf = frameworks.tensorflow()
    images = scaled(synthetic.x_test[:500])
    plain = np.asarray(tf.function(classifier.learned.plain, autograph=False)(images)[0])
    np.testing.assert_allclose(plain, classifier.predict(images), atol=1e-6)
    rounded = np.asarray(tf.function(classifier.learned.quantized, autograph=False)(images)[0])
    int8 = edge_runtime.load(combined / "model_int8.tflite", backend="reference")
    scores = int8.predict(synthetic.x_test[:500])
    # A step of the logits, 0.2 to 0.3 here, is 0.06 of a sigmoid where it is steepest.
    assert np.abs(scores - rounded).max() < 0.07
    assert np.mean(scores.argmax(axis=1) == rounded.argmax(axis=1)) > 0.998
    # The learned ranges are not those of calibration.
    calibrated = to_tflite(
        replace(classifier, learned=None),
        Conversion(scheme="int8"),
        scaled(synthetic.x_train[:200]),
    )
    assert hidden_scale(calibrated) != pytest.approx(
        hidden_scale((combined / "model_int8.tflite").read_bytes()), rel=1e-3
    )


def hidden_scale(model: bytes) -> float:
    graph = read(model)
    first = next(op for op in graph.ops if op.name == "FULLY_CONNECTED")
    quantization = graph.tensors[first.outputs[0]].quantization
    assert quantization is not None
    return float(quantization.scales[0])


def test_it_is_full_int8_and_runs_on_every_backend(combined: Path, synthetic: Dataset) -> None:
    path = combined / "model_int8.tflite"
    graph = read(path.read_bytes())
    assert float_operators(graph) == []
    assert [graph.tensors[i].dtype for i in (*graph.inputs, *graph.outputs)] == ["int8", "int8"]
    for backend in ("reference", "native", "litert"):
        answers = edge_runtime.load(path, backend=backend).predict(synthetic.x_test).argmax(axis=1)
        assert np.mean(answers == synthetic.y_test) > 0.99, backend


def test_calibrating_what_has_learned_its_ranges_is_refused(
    combined: Path, few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["convert", "--quantize", "--calibration", str(few), "--artifacts", str(combined)]
    before = sorted(combined.iterdir())
    assert cli.run(command) == 2
    assert "learned its ranges" in capsys.readouterr().err
    assert sorted(combined.iterdir()) == before
    # Other schemes do not have the ranges of int8 and calibrate.
    command = ["convert", "--scheme", "int16x8", "--artifacts", str(combined)]
    assert cli.run(command) == 0
    assert report_of(combined / "model_int16x8.tflite")["ranges"] == "calibrated"
    # LiteRT's quantiser reads a float file, which has none.
    output = combined / "litert.tflite"
    command = ["convert", "--quantize", "--quantizer", "litert", "-o", str(output)]
    assert cli.run([*command, "--artifacts", str(combined)]) == 0
    assert report_of(output)["ranges"] == "calibrated"


def test_an_outlier_breaks_int8_and_quantisation_aware_training_mends_it(
    plain: Path, tmp_path: Path
) -> None:
    broken, mended = spoilt(plain, tmp_path / "broken"), tmp_path / "mended"
    model = str(broken / "model.keras")
    for folder, command in (
        (broken, ["convert", model, "--quantize", "--target", "mcu"]),
        (mended, ["tune", model, "--qat", "--learning-rate", "0.01"]),
        (mended, ["convert", "--quantize", "--target", "mcu"]),
    ):
        assert cli.run([*command, "--artifacts", str(folder)]) == 0
    before, after = (report_of(folder / "model_int8_mcu.tflite") for folder in (broken, mended))
    accuracy = before["accuracy"]
    assert accuracy["before"]["accuracy"] > 0.995
    assert accuracy["after"]["accuracy"] < 0.97
    assert after["accuracy"]["after"]["accuracy"] > 0.99
    # The noise spreads, and the next layer looks even worse; the layer that causes it is named.
    first, second = (e for e in before["tensor_errors"] if "FULLY_CONNECTED" in e["op"])
    assert first["lost_db"] > 40
    assert second["lost_db"] < 10
    from edgekit.convert import report

    assert "worst layer  1 FULLY_CONNECTED: " in report.text(before)
    metrics = json.loads((mended / "metrics.json").read_text())
    assert metrics["recipe"]["epochs"] == 10
    assert metrics["data"]["name"] == "few.npz"


def convolutions(*first: Any) -> Any:
    keras, k = frameworks.keras(), frameworks.keras().layers
    keras.utils.clear_session()  # layers are named by a count
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *first,
            k.Conv2D(6, 5, strides=3, use_bias=False),
            k.BatchNormalization(),
            k.ReLU(),
            k.DepthwiseConv2D(3, activation="relu"),
            k.MaxPooling2D(2),
            k.Flatten(),
            k.Dense(2, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy")
    return model


def small(digits: Dataset, count: int = 512) -> finetune.Data:
    x, y = scaled(digits.x_train[:count]), fit.one_hot(digits.y_train[:count], 2)
    return finetune.Data(x, y, x[:64], y[:64])


def test_the_same_seed_gives_the_same_weights_of_a_convolutional_model(
    synthetic: Dataset, tmp_path: Path
) -> None:
    results = []
    for _ in range(2):
        rescaling = frameworks.keras().layers.Rescaling(2.0, offset=-1.0, name="rescaling")
        model = convolutions(rescaling)
        tuned = finetune.tune(
            model, Tuning(qat=True, cluster=8, epochs=1), small(synthetic), "it", CLASSIFY
        )
        results.append((model.get_weights(), tuned.forward))
    (first, forward), (second, again) = results
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert forward == again
    assert forward is not None
    assert {k.layer.split("_")[0]: k.values <= 8 for k in tuned.kernels} == {
        "conv2d": False,  # per channel in int8: 8 values in each
        "depthwise": False,
        "dense": True,
    }
    for channel in range(6):
        assert len(np.unique(first[0][..., channel])) <= 8
    path = tmp_path / "model.keras"
    model.save(path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(QUANTIZED_FORWARD, forward)
    classifier = source.load(path)
    int8 = to_tflite(classifier, Conversion(scheme="int8"))
    assert float_operators(read(int8)) == []
    assert classifier.learned is not None
    reference = to_tflite(replace(classifier, call=classifier.learned.plain), Conversion())
    errors = compare.tensor_errors(reference, int8, small(synthetic).x_held_out)
    # In float the rescaling is folded into the convolution, whose output stays the same.
    assert [op.name for op in read(int8).ops][:3] == ["MUL", "ADD", "CONV_2D"]
    assert [e.op.split()[1] for e in errors] == [
        *("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX")
    ]
    assert all(e.snr_db > 15 for e in errors)


def test_a_model_from_elsewhere_with_one_sigmoid_node(
    synthetic: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pruned in four steps and clustered, on a user's own images; then as a model of `train`."""
    parts = {name: getattr(synthetic, name)[:100] for name in ("x_train", "y_train")}
    parts |= {name: getattr(synthetic, name)[-200:] for name in ("x_test", "y_test")}
    np.savez(tmp_path / "own.npz", **parts)  # type: ignore[arg-type]
    keras, k = frameworks.keras(), frameworks.keras().layers
    body = convolutions(k.Rescaling(1 / 255)).layers[:-1]
    model = keras.Sequential([keras.Input((28, 28, 1)), *body, k.Dense(1, activation="sigmoid")])
    model.save(tmp_path / "foreign.keras")
    data = ["--data", str(tmp_path / "own.npz")]
    options = ["--prune", "0.5", "--cluster", "8", "--epochs", "1", "--json"]
    into = ["--artifacts", str(tmp_path / "out")]
    assert cli.run(["tune", str(tmp_path / "foreign.keras"), *data, *options, *into]) == 0
    metrics = documents.read(capsys.readouterr().out)
    assert metrics == json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["recipe"] is None
    assert 'href="model.keras"' in (tmp_path / "out" / "index.html").read_text()
    share = {k["layer"].split("_")[0]: k["sparsity"] for k in metrics["tuning"]["kernels"]}
    assert share == {
        "conv2d": pytest.approx(0.5, abs=0.01),
        "depthwise": 0,
        "dense": pytest.approx(0.5, abs=0.03),
    }
    values = {k["layer"].split("_")[0]: k["values"] for k in metrics["tuning"]["kernels"]}
    assert values == {"conv2d": 8, "depthwise": 9 * 6, "dense": 8}
    sizes = metrics["tuning"]["deflated_kernels"]
    assert sizes["after"] < 0.85 * sizes["before"]
    tuned = frameworks.keras().models.load_model(tmp_path / "out" / "model.keras")
    pixels = synthetic.x_test[-200:].reshape(-1, 28, 28, 1).astype(np.float32)
    answers = np.asarray(tuned(pixels))[:, 0] > 0.5
    assert metrics["correct"] == np.sum(answers == synthetic.y_test[-200:])
    assert metrics["total"] == 200
    card = (tmp_path / "out" / "model_card.md").read_text()
    assert "Layers: Rescaling, Conv2D, BatchNormalization, ReLU," in card
    assert "Pruned to 50% zeros, clustered to 8 values a kernel." in card
    with zipfile.ZipFile(tmp_path / "out" / "model.keras") as file:
        assert QUANTIZED_FORWARD not in file.namelist()
    assert cli.run(["convert", "--quantize", "--artifacts", str(tmp_path / "out")]) == 0
    report = report_of(tmp_path / "out" / "model_int8.tflite")
    assert report["ranges"] == "calibrated"
    assert report["accuracy"]["before"]["correct"] == metrics["correct"]


def test_what_the_library_refuses_is_one_line_and_the_model_as_it_was(synthetic: Dataset) -> None:
    keras, k = frameworks.keras(), frameworks.keras().layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            k.BatchNormalization(name="alone"),
            k.Flatten(),
            k.Dense(2, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(TrainingError, match=r"^it: cannot be fine-tuned: .*alone.*BatchNorm") as e:
        finetune.tune(model, Tuning(qat=True, epochs=1), small(synthetic), "it", CLASSIFY)
    assert "\n" not in str(e.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_divergence_is_said_and_nothing_is_written(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    options = ["--qat", "--learning-rate", "1e38", "--epochs", "1", "--artifacts", str(folder)]
    assert cli.run(["tune", str(plain / "model.keras"), *options]) == 2
    assert "qat diverged in epoch 1" in capsys.readouterr().err
    assert not folder.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prune", "1.2"], "--prune"),
        (["--prune", "-0.1"], "--prune"),
        (["--prune", "nan"], "--prune"),
        (["--cluster", "1"], "--cluster"),
        (["--prune", "0.5", "--cluster", "2"], "needs at least 3 values"),
        ([], "name at least one of --qat, --prune and --cluster"),
    ],
)
def test_bad_values_are_one_line(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [["tune", "any.keras", *options], ["train", "--data", "synthetic", *options]]
    for command in commands if options else commands[:1]:
        assert cli.run([*command, "--artifacts", str(tmp_path / "out")]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("module", ["tensorflow_model_optimization", "tf_keras"])
def test_a_missing_package_is_named_before_any_work(
    module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError):
        finetune.require_packages()
    for command in (["train", "--qat"], ["sweep", "--grid", "qat=false,true"]):
        assert cli.run([*command, "--data", "synthetic", "--artifacts", str(tmp_path / "out")]) == 2
        error = capsys.readouterr().err
        assert finetune.PACKAGES[module] in error
        assert install_line("host") in error
        assert len(error.splitlines()) == 1
        assert not (tmp_path / "out").exists()


def test_models_that_cannot_be_tuned_are_refused(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keras, k = frameworks.keras(), frameworks.keras().layers
    layers = [keras.Input((28, 28)), k.LSTM(3, name="memory"), k.Dense(2, activation="softmax")]
    keras.Sequential(layers).save(tmp_path / "lstm.keras")
    old = frameworks.tf_keras()
    inputs = old.layers.Input((28, 28, 1))
    old.Sequential([inputs, old.layers.Flatten(), old.layers.Dense(2)]).save(tmp_path / "old.keras")
    before = sorted(tmp_path.iterdir())
    for name, message in (("lstm", "layer 'memory' (LSTM)"), ("old", "only Keras 3 can be tuned")):
        command = ["tune", str(tmp_path / f"{name}.keras"), "--qat", "--data", str(few)]
        assert cli.run([*command, "--artifacts", str(tmp_path)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert len(error.splitlines()) == 1
    command = ["tune", str(tmp_path / "lstm.keras"), "--qat", "--artifacts", str(tmp_path)]
    assert cli.run(command) == 2
    assert "pass --data" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_a_damaged_range_file_is_named(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes((plain / "model.keras").read_bytes())
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(QUANTIZED_FORWARD, b"no graph")
    with pytest.raises(ModelFileError, match="is damaged"):
        source.load(path)


def test_no_stage_is_an_error_of_the_caller(synthetic: Dataset) -> None:
    with pytest.raises(ValueError, match="nothing to do"):
        finetune.tune(convolutions(), Tuning(), small(synthetic), "it", CLASSIFY)
