"""Tasks from data to report: what is measured, the thresholds, and the gates on it."""

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import documents
import edge_runtime
import exported
from edge_runtime import anomaly
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import quantize
from edgekit import cli, frameworks
from edgekit.benchmarks import usage
from edgekit.commands import tuning
from edgekit.convert import job as jobs
from edgekit.convert import source
from edgekit.convert.c import library as c_library
from edgekit.convert.conversion import Conversion
from edgekit.convert.job_data import Choices
from edgekit.convert.metadata import attach
from edgekit.ranking import auc
from edgekit.train.data import load
from edgekit.train.reading import Reading

ROWS = 600


def convert(*arguments: str | Path) -> int:
    return cli.run(["convert", *map(str, arguments)])


def report_of(path: Path) -> dict[str, Any]:
    return documents.read(path.with_name(f"{path.name}.report.json").read_text())


def dense(weights: Any, bias: Any, activation: str = "linear", loss: str = "") -> Any:
    """A model of a single layer with these weights [inputs, outputs]."""
    keras = frameworks.keras()
    weights = np.asarray(weights, np.float32)
    layer = keras.layers.Dense(weights.shape[1], activation)
    model = keras.Sequential([keras.Input(weights.shape[:1]), layer])
    layer.set_weights([weights, np.asarray(bias, np.float32)])
    if loss:
        model.compile("sgd", loss)
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of one layer, and the data for them.

    binary.keras has a logit that is too low by 3; sensor.keras rebuilds four numbers from their
    mean, which normal inputs differ little from.
    """
    folder = tmp_path_factory.mktemp("tasks")
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (ROWS, 4)).astype(np.float32)
    noise = rng.normal(0, 1, ROWS)
    np.savez(folder / "binary.npz", x=x, y=np.where(3 * x[:, 0] + noise > 0, "yes", "no"))
    dense([[3], [0], [0], [0]], [-3], loss="binary_crossentropy").save(folder / "binary.keras")
    y = (x[:, :3] + rng.normal(0, 0.3, (ROWS, 3)) > 0).astype(np.int64)
    np.savez(folder / "several.npz", x=x, y=y)
    several = dense(np.eye(4)[:, :3] * 2, [0, 0, 0], "sigmoid", "binary_crossentropy")
    several.save(folder / "several.keras")
    level = rng.normal(0, 1, (ROWS, 1))
    spread = np.where(np.arange(ROWS) % 10 < 8, 0.1, 1.5)[:, None]
    sensor = (level + rng.normal(0, 1, (ROWS, 4)) * spread).astype(np.float32)
    kind = np.where(spread[:, 0] > 1, "worn", "normal")
    normal = kind == "normal"
    train = np.flatnonzero(normal)[:300]
    test = np.setdiff1d(np.arange(ROWS), train)
    parts = {"x_train": sensor[train], "y_train": kind[train]}
    np.savez(folder / "sensor.npz", **parts, x_test=sensor[test], y_test=kind[test])
    dense(np.full((4, 4), 0.25), np.zeros(4)).save(folder / "sensor.keras")
    return folder


def test_a_binary_model_of_one_logit(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "b.tflite"
    command = [folder / "binary.keras", "--data", folder / "binary.npz", "-o", output]
    assert convert(*command, "--quantize") == 0
    shown = capsys.readouterr().out
    assert "task         binary, guessed: its loss is binary_crossentropy" in shown
    assert "of the logits" in shown
    report = report_of(output)
    assert report["task"] == {"name": "binary", "stated": False}
    assert report["threshold"] is None
    after = report["accuracy"]["after"]
    loaded = edge_runtime.load(output)
    assert (loaded.task, loaded.metadata.threshold) == ("binary", None)  # type: ignore[union-attr]
    # The logit parts the classes at 0, and the AUC does not care where.
    assert after["metrics"]["recall"] < 0.6
    assert after["metrics"]["auc"] > 0.95
    assert report["accuracy"]["before"]["metrics"]["auc"] == pytest.approx(
        after["metrics"]["auc"], abs=0.01
    )


def test_a_threshold_is_chosen_on_inputs_that_do_not_judge_it(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "b.tflite"
    command = [folder / "binary.keras", "--data", folder / "binary.npz", "-o", output]
    assert convert(*command, "--quantize", "--task", "binary", "--min", "recall=0.8") == 0
    report = report_of(output)
    chosen = report["threshold"]
    assert -4.5 < chosen["value"] < -1.5
    assert chosen["inputs"] == ROWS * 0.8 * 0.2
    assert "the last 96 training inputs" in chosen["reason"]
    assert "which training may have seen" in chosen["reason"]
    model = edge_runtime.load(output)
    assert model.metadata is not None
    assert model.metadata.threshold == chosen["value"]
    # Halfway between two levels of the output.
    assert chosen["value"] / model.output.scale % 1 == pytest.approx(0.5)
    assert report["accuracy"]["after"]["metrics"]["recall"] > 0.8
    assert [gate["verdict"] for gate in report["gates"]] == ["passed"]


def test_the_columns_of_a_table_name_its_several_labels(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays, output = np.load(folder / "several.npz"), tmp_path / "m.tflite"
    columns = ("a", "b", "c", "d", "hot", "wet", "loud")
    both = zip(arrays["x"].tolist(), arrays["y"].tolist(), strict=True)
    rows = [",".join(map(str, [*inputs, *labels])) for inputs, labels in both]
    table = tmp_path / "table.csv"
    table.write_text("\n".join([",".join(columns), *rows]))
    command = [folder / "several.keras", "--data", table, "--label", "hot,wet,loud", "-o", output]
    assert convert(*command, "--quantize") == 0
    captured = capsys.readouterr()
    assert "each label   F1 and AUC after: hot 0.9" in captured.out
    assert "has no labels" not in captured.err
    assert edge_runtime.load(output).labels == ("hot", "wet", "loud")
    assert convert(*command, "--quantize", "--classes", "h,w,l") == 0
    assert edge_runtime.load(output).labels == ("h", "w", "l")
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(attach(output.read_bytes(), Metadata()))
    dataset = load(str(table), None, (4,), numbers=True, reading=Reading(label=columns[4:]))
    assert usage.of(bare, dataset).labels == ("hot", "wet", "loud")


def test_data_without_a_truth_are_not_fine_tuned_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "inputs.npz", x=np.load(folder / "several.npz")["x"])
    command = ["tune", folder / "several.keras", "--data", tmp_path / "inputs.npz", "--qat"]
    assert cli.run([*map(str, command), "--artifacts", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "inputs.npz: has neither classes nor targets, which fine-tuning for the task" in said
    assert not (tmp_path / "out").exists()


def test_targets_are_called_what_their_columns_are(tmp_path: Path) -> None:
    dense([[1, 2], [3, 4]], [0, 0], loss="mse").save(tmp_path / "numbers.keras")
    x = np.random.default_rng(0).normal(size=(40, 2)).round(3)
    rows = [f"{a},{b},{a + 3 * b:.3f},{2 * a + 4 * b:.3f}" for a, b in x]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,force,torque", *rows]))
    output = tmp_path / "n.tflite"
    command = [tmp_path / "numbers.keras", "--data", tmp_path / "t.csv", "-o", output]
    assert convert(*command, "--label", "force,torque", "--quantize") == 0
    first = report_of(output)["inputs"][0]
    for when in "before", "after":
        assert [name for name, _ in first[when]] == ["force", "torque"]


def test_several_labels(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "m.tflite"
    command = [folder / "several.keras", "--data", folder / "several.npz", "-o", output]
    assert convert(*command, "--quantize", "--classes", "hot,wet,loud", "--max-drop", "0.02") == 0
    shown = capsys.readouterr().out
    assert "task         multilabel, guessed: the data have several labels for an input" in shown
    assert "each label   F1 and AUC after: hot 0.9" in shown
    report = report_of(output)
    assert report["accuracy"] is None
    assert report["labels"]["names"] == ["hot", "wet", "loud"]
    after = report["labels"]["after"]
    assert after["metrics"]["f1"] > 0.85
    assert min(one["auc"] for one in after["per_label"]) > 0.9
    assert report["gates"][0]["name"] == "macro F1 drop"
    model = edge_runtime.load(output)
    assert (model.labels, model.task) == (("hot", "wet", "loud"), "multilabel")
    scores = model.predict(np.zeros((1, 4), np.float32))
    assert scores == pytest.approx(np.full((1, 3), 0.5), abs=0.01)
    with pytest.raises(edge_runtime.ModelError, match="do not exclude each other"):
        model.classify(np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_an_anomaly_detector(
    folder: Path, tmp_path: Path, scheme: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a.tflite"
    options = ["--quantize"] if scheme == "int8" else []
    command = [folder / "sensor.keras", "--data", folder / "sensor.npz", "-o", output, *options]
    assert convert(*command, "--min", "auc=0.95", "--max-drop", "0.01") == 0
    shown = capsys.readouterr().out
    assert "task         anomaly, guessed: it has as many outputs as inputs, 4" in shown
    assert "normal: the training part has no others; worn is an anomaly" in shown
    report = report_of(output)
    unusual = report["anomalies"]
    assert unusual["names"] == ["normal", "worn"]
    assert unusual["after"]["metrics"]["recall"] > 0.8
    assert "99% of the normal inputs there are below it" in report["threshold"]["reason"]
    arrays = np.load(folder / "sensor.npz")
    model = edge_runtime.load(output)
    assert model.metadata is not None
    assert model.metadata.threshold == report["threshold"]["value"]
    errors = model.score(arrays["x_test"])
    rebuilt = source.load(folder / "sensor.keras").predict(arrays["x_test"])
    expected = ((rebuilt - arrays["x_test"]) ** 2).mean(axis=1)
    worn = arrays["y_test"] == "worn"
    # Anomalies are beyond the range that int8 was calibrated for.
    close = ~worn if options else slice(None)
    assert errors[close] == pytest.approx(expected[close], rel=0.2, abs=0.02 if options else 1e-6)
    assert unusual["after"]["metrics"]["auc"] == auc(errors, worn)
    above = errors > model.metadata.threshold
    assert unusual["after"]["judged"]["correct"] == int(np.sum(above == worn))
    assert int(np.sum(model.score(arrays["x_train"]) > model.metadata.threshold)) < 30
    score_in_c(output, model, arrays["x_test"][:40], tmp_path / "c")


def score_in_c(path: Path, model: edge_runtime.Model, inputs: Any, folder: Path) -> None:
    """Check that exported C scores each input with the runtime's bits."""
    library = c_library.library(path.read_bytes(), path.name, "a")
    assert library.inputs[0].offset is None  # a run must leave it as it is
    built = exported.Exported(library, folder)
    score = built.functions.a_score
    score.restype = ctypes.c_float if model.input.dtype == "float32" else ctypes.c_uint64
    raw = quantize(inputs, model.input)
    expected = anomaly.raw_scores(raw, model.run(raw), model.input, model.output)
    scores = [score(row.tobytes(), built.run(row).tobytes()) for row in raw]
    assert np.array(scores, expected.dtype).tobytes() == expected.tobytes()
    assert "A_THRESHOLD" in library.header


def test_an_autoencoder_of_other_classes_is_measured_by_what_it_rebuilds(
    folder: Path, tmp_path: Path
) -> None:
    arrays = np.load(folder / "sensor.npz")
    x = np.concatenate([arrays["x_train"], arrays["x_test"]])
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(ROWS) % 3)
    output = tmp_path / "a.tflite"
    command = [folder / "sensor.keras", "--data", tmp_path / "d.npz", "-o", output]
    assert convert(*command) == 0
    report = report_of(output)
    assert report["task"]["name"] == "anomaly"
    assert report["anomalies"]["names"] == []
    assert report["anomalies"]["after"]["metrics"] == {}
    assert report["anomalies"]["after"]["above"] < 10
    # Fine-tuned, it would learn all of them, and not those of the first class alone.
    choices = Choices(data=str(tmp_path / "d.npz"))
    trained = source.load(folder / "sensor.keras")
    job = jobs.prepare(trained, choices, Conversion())
    assert tuning.require_data(trained, job).labels == ()
    assert report["numbers"]["after"]["rmse"] > 0
    # Where no anomalies are known, what is rebuilt may drop no more, in int8 as in any repair.
    assert convert(*command, "--quantize", "--max-drop", "0.05") == 0
    (gate,) = report_of(output)["gates"]
    assert (gate["name"], gate["verdict"]) == ("R² drop", "passed")
    assert convert(*command, "--quantize", "--max-drop", "0") == 1
    assert convert(*command, "--task", "anomaly") == 0
    assert report_of(output)["anomalies"]["reason"] == "the first class"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--min", "accuracy=0.99"], "accuracy: 0.625 is below 0.99"),
        (["--max", "mae=0.1"], "MAE: it is not measured: there are accuracy, f1"),
    ],
)
def test_a_gate_that_fails_is_exit_code_1_and_in_the_report(
    options: list[str],
    says: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "b.tflite"
    command = [folder / "binary.keras", "--data", folder / "binary.npz", "-o", output]
    assert convert(*command, *options) == 1
    shown = capsys.readouterr()
    assert f"edgekit convert: {says}" in shown.err
    assert f"gate         ✗ {says}" in shown.out
    (gate,) = report_of(output)["gates"]
    assert gate["verdict"] == "failed"


def test_a_gate_without_data_fails(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [folder / "binary.keras", "-o", tmp_path / "b.tflite"]
    assert convert(*command, "--min", "auc=0.5", "--max-drop", "0.1") == 1
    shown = capsys.readouterr().out
    assert "✗ AUC: it is not measured: there are no data; give --data" in shown
    assert "– accuracy drop: there is no accuracy" in shown


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (["--min", "mae=1"], "there are accuracy, f1, precision, recall, auc, r2"),
        (["--max", "mea=1"], "Did you mean 'mae'"),
        (["--min", "auc"], "is not a metric and a number"),
        (["--min", "auc=nan"], "is not a metric and a number"),
        (["--task", "anomaly"], "does not rebuild its input"),
    ],
)
def test_options_that_make_no_sense(
    option: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(folder / "binary.keras", *option) == 2
    assert says in capsys.readouterr().err


@pytest.fixture(scope="module")
def unlike(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model of two targets, one a thousandth of the other, and its data."""
    folder = tmp_path_factory.mktemp("unlike")
    dense([[1, 0], [0, 1000]], [0, 0], loss="mse").save(folder / "unlike.keras")
    x = np.random.default_rng(0).normal(size=(120, 2)).round(3)
    rows = [f"{a},{b},{a:.3f},{1000 * b:.3f}" for a, b in x]
    (folder / "t.csv").write_text("\n".join(["a,b,strain,load", *rows]))
    return folder


def test_a_small_target_that_int8_loses_fails_the_gate_beside_a_large_one(
    unlike: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "u.tflite"
    command = [unlike / "unlike.keras", "--data", unlike / "t.csv", "-o", output]
    command += ["--label", "strain,load"]
    assert convert(*command, "--quantize", "--max-drop", "0.01") == 1
    captured = capsys.readouterr()
    strain, load = report_of(output)["numbers"]["targets"]
    assert (strain["name"], load["name"]) == ("strain", "load")
    assert strain["before"]["r2"] == pytest.approx(1)
    assert strain["after"]["r2"] < 0.1
    assert load["after"]["r2"] > 0.999
    # All targets together look as good as ever.
    assert report_of(output)["numbers"]["after"]["r2"] > 0.999
    (check,) = report_of(output)["gates"]
    assert (check["name"], check["verdict"]) == ("R² drop", "failed")
    assert check["message"].startswith("target strain: ")
    assert "each target  R² after (before): strain -0." in captured.out
    assert "warning: target strain: its R² fell from 1.00000 to " in captured.err
    assert "--keep-float" in captured.err


def test_auto_repairs_the_target_that_lost_most(unlike: Path, tmp_path: Path) -> None:
    output = tmp_path / "u.tflite"
    command = [unlike / "unlike.keras", "--data", unlike / "t.csv", "-o", output]
    assert convert(*command, "--label", "strain,load", "--auto", "--max-drop", "0.01") == 0
    strain, _ = report_of(output)["numbers"]["targets"]
    assert strain["after"]["r2"] > 0.99


def test_one_target_and_an_autoencoder_have_no_figures_of_each(
    folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "s.tflite"
    command = [folder / "sensor.keras", "--data", folder / "sensor.npz", "-o", output]
    assert convert(*command, "--quantize") == 0
    assert report_of(output)["numbers"]["targets"] == []


@pytest.mark.parametrize(("rebuilt", "task"), [(False, "regress"), (True, "anomaly")])
def test_targets_other_than_the_inputs_are_those_of_a_regression(
    tmp_path: Path, rebuilt: bool, task: str
) -> None:
    """As many outputs as inputs, as of a U-Net, are no autoencoder where the data say otherwise."""
    x = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    weights = np.eye(4) if rebuilt else np.eye(4)[::-1]
    dense(weights, np.zeros(4), loss="mse").save(tmp_path / "m.keras")
    np.savez(tmp_path / "d.npz", x=x, y=x @ weights.astype(np.float32))
    output = tmp_path / "m.tflite"
    command = [tmp_path / "m.keras", "--data", tmp_path / "d.npz", "-o", output]
    assert convert(*command, "--quantize", "--max-drop", "0.5") == 0
    report = report_of(output)
    assert report["task"]["name"] == task
    if not rebuilt:
        assert [gate["verdict"] for gate in report["gates"]] == ["passed"]
