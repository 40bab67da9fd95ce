"""`edgekit convert` as a user runs it."""

import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import documents
import edge_runtime
from edge_runtime.metadata import read_metadata
from edge_runtime.reader import read
from edgekit import cli, frameworks
from edgekit.convert import api, source
from edgekit.train.dataset import Dataset, scaled


@pytest.fixture
def workspace(artifacts: Path, tmp_path: Path) -> Path:
    """A folder with only what `edgekit train` wrote."""
    for name in ("model.keras", "metrics.json"):
        shutil.copy(artifacts / name, tmp_path / name)
    return tmp_path


def convert(*arguments: str | Path) -> int:
    return cli.run(["convert", *map(str, arguments)])


def report_of(path: Path) -> dict[str, Any]:
    return documents.read(path.with_name(f"{path.name}.report.json").read_text())


def test_without_arguments_float_with_quantize_int8(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEKIT_ARTIFACTS", str(workspace))
    assert convert() == 0
    assert convert("--quantize") == 0
    assert sorted(path.name for path in workspace.iterdir()) == [
        "SHA256SUMS",
        "index.html",
        "metrics.json",
        "model.keras",
        "model.tflite",
        "model.tflite.report.html",
        "model.tflite.report.json",
        "model_int8.tflite",
        "model_int8.tflite.report.html",
        "model_int8.tflite.report.json",
    ]
    shown = capsys.readouterr()
    for word in ("size", "ops", "(250 a class)", "accuracy", "agreement", "worst layer", "target"):
        assert word in shown.out
    assert shown.err == ""


def test_both_quantisers_beside_each_other(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert("--quantize", "--quantizer", "both", "--artifacts", workspace) == 0
    path = workspace / "model_int8.tflite"
    report, both = report_of(path), report_of(path)["beside"]
    assert report["recipe"]["quantizer"] == "tensorflow"
    assert both["quantizers"] == ["tensorflow", "litert"]
    assert both["bytes"][0] == path.stat().st_size
    assert both["accuracy"] == [report["accuracy"]["after"]["accuracy"]] * 2
    assert [layer["op"] for layer in both["layers"]] == report["ops"]
    ratios = [[error["snr_db"] for error in layer["errors"]] for layer in both["layers"]]
    assert all(first == pytest.approx(second, abs=3) for first, second in ratios)
    assert [first for first, _ in ratios] == [e["snr_db"] for e in report["tensor_errors"]]
    table = capsys.readouterr().out.partition("quantiser  ")[2].splitlines()
    assert table[0].split() == ["tensorflow", "litert"]
    assert f"{ratios[-1][1]:.1f} dB" in table[len(both["layers"]) + 3]


def test_a_keras_model_through_its_float_file(workspace: Path) -> None:
    """The LiteRT quantiser makes the same file of a Keras model and of its .tflite."""
    assert convert("--artifacts", workspace) == 0
    paths = [workspace / "a.tflite", workspace / "b.tflite"]
    for path, model in zip(paths, ("model.keras", "model.tflite"), strict=True):
        arguments = ("--quantize", "--quantizer", "litert", "-o", path)
        assert convert(workspace / model, *arguments, "--artifacts", workspace) == 0
    first, second = (read(path.read_bytes()) for path in paths)
    assert [(t.name, t.quantization) for t in first.tensors] == [
        (t.name, t.quantization) for t in second.tensors
    ]
    reports = [report_of(path) for path in paths]
    assert reports[0]["accuracy"]["after"] == reports[1]["accuracy"]["after"]
    assert reports[0]["tensor_errors"] == reports[1]["tensor_errors"]
    assert [report["model"]["origin"] for report in reports] == ["Keras 3", "TFLite"]


def test_quantize_does_not_swallow_the_file_name(workspace: Path) -> None:
    assert convert("--quantize", workspace / "model.keras", "-o", workspace / "a.tflite") == 0
    assert (workspace / "a.tflite").exists()


def test_the_report_is_true(workspace: Path, dataset: Dataset) -> None:
    assert convert("--quantize", "--artifacts", workspace) == 0
    path = workspace / "model_int8.tflite"
    report = report_of(path)
    scores = edge_runtime.load(path).predict(dataset.x_test)
    expected = source.load(workspace / "model.keras").predict(scaled(dataset.x_test))
    agreement = report["accuracy"]["agreement"]
    assert agreement["largest_score_difference"] == np.abs(scores - expected).max()
    assert agreement["agreeing"] == int(np.sum(scores.argmax(axis=1) == expected.argmax(axis=1)))
    predicted = scores.argmax(axis=1)
    correct = int(np.sum(predicted == dataset.y_test))
    assert report["accuracy"]["after"]["correct"] == correct
    assert (
        report["accuracy"]["after"]["wrong"] == np.flatnonzero(predicted != dataset.y_test).tolist()
    )
    trained = json.loads((workspace / "metrics.json").read_text())
    assert report["accuracy"]["before"]["correct"] == trained["correct"]
    assert report["bytes"]["tflite"] == path.stat().st_size
    assert report["bytes"]["float32_weights"] == 4 * 11_020
    assert report["calibration"]["samples"] == 500
    assert report["calibration"]["per_class"] == [250, 250]
    assert report["calibration"]["warnings"] == []
    assert report["ops"] == [op.name for op in read(path.read_bytes()).ops]
    assert report["target"] == {"target": "litert", "runs": True, "problems": [], "fallbacks": []}
    assert report["accuracy"]["after"]["accuracy"] > 0.99


def test_the_file_says_how_to_use_it(workspace: Path, dataset: Dataset) -> None:
    assert convert("--quantize", "--artifacts", workspace) == 0
    data = (workspace / "model_int8.tflite").read_bytes()
    metadata = read_metadata(read(data), data)
    assert metadata is not None
    assert metadata.labels == ("0", "1")
    assert (metadata.mean, metadata.std) == ((0.0,), (255.0,))
    assert metadata.framing == "digit"
    assert metadata.provenance["data"]["sha256"] == dataset.sha256
    assert metadata.provenance["data"]["name"] == dataset.name
    assert metadata.provenance["recipe"]["scheme"] == "int8"
    assert metadata.provenance["training"]["seed"] == 42
    assert str(workspace) not in json.dumps(dict(metadata.provenance))


def test_the_same_model_gives_the_same_file(workspace: Path) -> None:
    for name in ("a.tflite", "b.tflite"):
        assert convert("--quantize", "--artifacts", workspace, "-o", workspace / name) == 0
    assert (workspace / "a.tflite").read_bytes() == (workspace / "b.tflite").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Unix")
def test_a_pipe_gets_the_model_alone(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe, got = workspace / "pipe.tflite", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert convert("-o", pipe, "--artifacts", workspace) == 0
    reader.join(20)
    assert pipe.is_fifo()
    assert not list(workspace.glob("pipe.tflite.report.*"))
    assert capsys.readouterr().out == ""
    (workspace / "copy.tflite").write_bytes(got[0])
    assert edge_runtime.load(workspace / "copy.tflite").labels == ("0", "1")


def test_json_is_one_document(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert("--json", "--artifacts", workspace) == 0
    document = documents.read(capsys.readouterr().out)
    assert document["output"] == str(workspace / "model.tflite")
    assert document["recipe"]["scheme"] == "float32"


@pytest.mark.parametrize("target", ["mcu", "edgetpu", "ethos-u"])
def test_device_targets_get_a_file_of_their_own(workspace: Path, target: str) -> None:
    assert convert("--quantize", "--target", target, "--artifacts", workspace) == 0
    path = workspace / f"model_int8_{target.replace('-', '')}.tflite"
    assert report_of(path)["target"]["runs"]
    assert report_of(path)["accuracy"]["after"]["accuracy"] > 0.99


def test_pixels_fed_to_a_unit_model_are_warned_about(
    workspace: Path, dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(workspace / "pixels.npy", dataset.x_train[:200])
    command = ["--quantize", "--artifacts", workspace]
    assert convert(*command, "--calibration", workspace / "pixels.npy") == 0
    shown = capsys.readouterr().err
    assert "0-255 pixels fed to a 0-1 model" in shown
    assert "dtype is uint8" in shown
    report = report_of(workspace / "model_int8.tflite")
    assert len(report["calibration"]["warnings"]) == 2


def test_a_foreign_model_needs_to_be_told_its_data(
    workspace: Path, dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "metrics.json").unlink()
    assert convert("--artifacts", workspace) == 0
    assert "not measured" in capsys.readouterr().out
    assert convert("--quantize", "--artifacts", workspace) == 2
    assert "give --data or --calibration" in capsys.readouterr().err
    assert not (workspace / "model_int8.tflite").exists()
    assert convert("--quantize", "--data", dataset.source, "--artifacts", workspace) == 0
    assert report_of(workspace / "model_int8.tflite")["data"]["name"] == dataset.name


def test_metrics_of_another_model_are_not_believed(
    workspace: Path, dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = json.loads((workspace / "metrics.json").read_text())
    metrics["model_sha256"] = "0" * 64
    (workspace / "metrics.json").write_text(json.dumps(metrics))
    for options in ((), ("--quantize",)):
        assert convert(*options, "--artifacts", workspace) == 2
        said = capsys.readouterr().err
        assert f"{workspace / 'metrics.json'}: belongs to another model.keras" in said
    assert convert("--data", dataset.source, "--artifacts", workspace) == 0
    assert "it is not used" in capsys.readouterr().err


def test_a_model_with_raw_pixels_and_one_sigmoid_output(dataset: Dataset, tmp_path: Path) -> None:
    keras = frameworks.keras()
    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(4, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    pixels = dataset.x_train[:2000, :, :, 0].astype(np.float32)
    model.fit(pixels, dataset.y_train[:2000], epochs=3, verbose=0)
    path = tmp_path / "binary.keras"
    model.save(path)
    output = tmp_path / "binary.tflite"
    command = [path, "--quantize", "--data", dataset.source, "-o", output]
    assert convert(*command) == 0
    accuracy = report_of(output)["accuracy"]
    assert accuracy["before"]["accuracy"] > 0.98
    assert accuracy["agreement"]["share"] > 0.99
    loaded = edge_runtime.load(output)
    assert loaded.metadata is not None
    assert loaded.metadata.std == (1.0,)
    for index in (0, 1, 2):
        prediction = loaded.classify(dataset.x_test[index])
        assert prediction.label == str(dataset.y_test[index])
        assert sum(prediction.scores) == pytest.approx(1)
    # bench compares it with the same Keras model, whose input has no channel axis.
    shutil.copy(path, tmp_path / "model.keras")
    command = ["bench", str(output), "--quick", "--artifacts", str(tmp_path)]
    assert cli.run(command) == 0
    results = json.loads((tmp_path / "bench.json").read_text())["results"]
    agreements = [r for r in results if r["metric"] == "agreement" and r["status"] == "measured"]
    assert {r["subject"]["backend"] for r in agreements} == {"native", "litert"}
    assert all(r["summary"]["share"] > 0.99 for r in agreements)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.keras"], "no such model; `edgekit train` creates one"),
        (["--target", "edgetpu"], "does not run float32 models; use --quantize"),
        (["--quantize", "--target", "mcu", "--batch", "4"], "needs --batch 1"),
        (["--calibration", "mnist"], "only int8 and int16x8 use it"),
        (["--quantize", "--calibration", "none.npy"], "none.npy: not a readable .npy"),
        (["--quantize", "--data", "nowhere"], "neither mnist, synthetic, a folder"),
        (["--data", "synthetic", "--classes", "0-9"], "no class '2'"),
        (["--input-range", "1,0"], "the first number must be the smaller"),
        (["--input-range", "abc"], "is not two numbers"),
        (["--batch", "0"], "0 is not in the range"),
        (["--input-range", "0,inf"], "must be finite"),
        (["--quantize", "--batch", "200", "--calibration-size", "150"], "150 samples do not"),
        (["-o", "/dev/null/model.tflite"], "/dev/null"),
        (["--scheme", "int4"], "'int4' is not one of"),
    ],
)
def test_bad_input_gets_one_line_and_writes_nothing(
    workspace: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(workspace.iterdir())
    assert convert(*arguments, "--artifacts", workspace) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1
    assert shown.out == ""
    assert sorted(workspace.iterdir()) == before


@pytest.mark.mnist
def test_the_wrong_number_of_classes_is_said(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert("--classes", "0-9", "--artifacts", workspace) == 2
    assert "tells 2 classes apart, but the data has 10" in capsys.readouterr().err


def test_a_wrong_input_range_is_suspected(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--input-range", "1,1.001", "--artifacts", workspace]
    assert convert(*command) == 0
    assert "does it need another --input-range" in capsys.readouterr().err


def test_saturated_scores_that_int8_cannot_tell_apart_are_counted(
    workspace: Path, dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    keras = frameworks.keras()
    model = keras.models.load_model(workspace / "model.keras")
    # The same answers from scores that are all but 1: sigmoid(8 + logit / 100).
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel / 100, bias / 100 + 8])
    path = workspace / "saturated.keras"
    model.save(path)
    command = [path, "--quantize", "--data", dataset.source, "-o", workspace / "a.tflite"]
    assert convert(*command) == 0
    ties = report_of(workspace / "a.tflite")["accuracy"]["ties"]
    assert ties["after"] == 2115
    shown = capsys.readouterr()
    assert "2115 answers share their top score" in shown.out
    assert "softmax" in shown.err


def test_where_the_data_lies_does_not_change_the_file(
    workspace: Path, dataset: Dataset, tmp_path: Path
) -> None:
    models = []
    for name in ("one", "other"):
        path = tmp_path / name / "digits.npz"
        path.parent.mkdir()
        np.savez(
            path,
            x_train=dataset.x_train[:300],
            y_train=dataset.y_train[:300],
            x_test=dataset.x_test[:50],
            y_test=dataset.y_test[:50],
        )
        output = path.with_name("model.tflite")
        command = [workspace / "model.keras", "--quantize", "--data", path, "-o", output]
        assert convert(*command) == 0
        assert report_of(output)["data"]["source"] == str(path)
        models.append(output)
    one, other = models
    assert one.read_bytes() == other.read_bytes()
    assert str(tmp_path).encode() not in one.read_bytes()
    # bench finds the images by the report beside the file, and asks for them without it.
    bench = ["bench", str(one), "--quick", "--artifacts", str(one.parent)]
    assert cli.run(bench) == 0
    report = one.with_name("model.tflite.report.json")
    report.unlink()
    assert cli.run(bench) == 2


def test_an_input_is_never_overwritten(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = workspace / "model.keras"
    before = model.read_bytes()
    assert convert(model, "-o", workspace / "." / "model.keras") == 2
    assert "is an input of this conversion" in capsys.readouterr().err
    assert model.read_bytes() == before


def recurrent(folder: Path, steps: int, scheme: str) -> int:
    """Convert an LSTM over sequences of so many steps."""
    keras = frameworks.keras()
    keras.utils.set_random_seed(1)
    layers = [keras.Input((steps, 3)), keras.layers.LSTM(4, name="memory"), keras.layers.Dense(2)]
    keras.Sequential(layers).save(folder / "lstm.keras")
    sequences = np.random.default_rng(0).normal(size=(60, steps, 3)).astype(np.float32)
    np.save(folder / "sequences.npy", sequences)
    command = [folder / "lstm.keras", "--scheme", scheme, "--data", folder / "sequences.npy"]
    return convert(*command, "-o", folder / "lstm.tflite")


@pytest.mark.parametrize("scheme", ["int8", "int16x8", "dynamic", "float16"])
def test_a_recurrent_layer(scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recurrent(tmp_path, 28, scheme) == 0
    shown, report = capsys.readouterr(), report_of(tmp_path / "lstm.tflite")
    assert "unrolled memory (28 steps)" in shown.err
    assert len(report["ops"]) > 400
    assert len(report["tensor_errors"]) > 100
    # They do not fill pages.
    assert max(map(len, shown.out.splitlines())) < 2000
    assert "56 FULLY_CONNECTED, " in shown.out
    if scheme != "dynamic":  # which leaves matrices as small as these in float32
        assert "; the other" in shown.out


@pytest.mark.parametrize("scheme", ["int8", "dynamic"])
def test_a_loop(scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = recurrent(tmp_path, 300, scheme)
    if scheme == "int8":
        # TensorFlow's calibrator would end the process with a segmentation fault.
        assert code == 2
        assert "at most 256 steps" in capsys.readouterr().err
    else:
        assert code == 0
        assert report_of(tmp_path / "lstm.tflite")["tensor_errors"] == []


def test_data_that_moved_or_changed_is_noticed(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = json.loads((workspace / "metrics.json").read_text())
    metrics["data"]["sha256"] = "0" * 64
    (workspace / "metrics.json").write_text(json.dumps(metrics))
    assert convert("--artifacts", workspace) == 0
    assert "its digest differs" in capsys.readouterr().err


def test_a_file_without_labels_is_told(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "metrics.json").unlink()
    assert convert("--artifacts", workspace) == 0
    assert "has no labels" in capsys.readouterr().err
    assert convert("--classes", "no,yes", "--artifacts", workspace) == 0
    assert "labels" not in capsys.readouterr().err
    assert edge_runtime.load(workspace / "model.tflite").labels == ("no", "yes")


def test_a_flat_model_reads_pictures(dataset: Dataset, tmp_path: Path) -> None:
    keras = frameworks.keras()
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    pixels = dataset.x_train[:2000].reshape(-1, 784).astype(np.float32) / 255
    model.fit(pixels, dataset.y_train[:2000], epochs=3, verbose=0)
    model.save(tmp_path / "flat.keras")
    output = tmp_path / "flat.tflite"
    command = [tmp_path / "flat.keras", "--quantize", "--data", dataset.source, "-o", output]
    assert convert(*command) == 0
    loaded = edge_runtime.load(output)
    for index in range(3):
        assert loaded.classify(dataset.x_test[index]).index == dataset.y_test[index]


def test_the_page_of_an_earlier_conversion_goes(workspace: Path) -> None:
    output = workspace / "model.tflite"
    assert convert(workspace / "model.keras", "-o", output) == 0
    page = output.with_name("model.tflite.report.html")
    assert page.is_file()
    api.convert(workspace / "model.keras", output)
    assert not page.exists()
