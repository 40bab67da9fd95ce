"""`edgekit bench` of each task: its metrics, and the gates on them, in every report."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import build
import documents
import edge_runtime
from edge_runtime.metadata import Metadata
from edgekit import cli, files
from edgekit.benchmarks import footprint, latency, model_file
from edgekit.benchmarks import task as tasks
from edgekit.convert.metadata import attach
from edgekit.ranking import auc

ROWS = 400


def dense(weights: Any, bias: Any, *, sigmoid: bool = False) -> bytes:
    """A float32 model of one layer with weights [inputs, outputs]."""
    weights, bias = np.asarray(weights, np.float64), np.asarray(bias, np.float64)
    sizes = [(1, weights.shape[0]), *[(1, weights.shape[1])] * 2]
    first, second, third = (build.tensor(size) for size in sizes)
    kernel, offset = (build.constant(values, "float32") for values in (weights.T, bias))
    nodes: list[build.Op] = [("FULLY_CONNECTED", [0, 1, 2], 3, {})]
    nodes += [("LOGISTIC", [3], 4, {})] if sigmoid else []
    return build.model([first, kernel, offset, second, *([third] if sigmoid else [])], nodes)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what these tests do not look at: fresh processes and throughput."""
    monkeypatch.setenv("EDGEKIT_EDGETPU_LIB", "no-such-library.so")
    monkeypatch.setattr(footprint, "measure", lambda *_: [])
    monkeypatch.setattr(latency, "throughput", lambda *_: [])


@pytest.fixture(scope="module")
def inputs() -> Any:
    return np.random.default_rng(0).normal(0, 1, (ROWS, 4)).astype(np.float32)


@pytest.fixture
def binary(inputs: Any, tmp_path: Path) -> Path:
    """A logit that is too low by 3, and its data."""
    noise = np.random.default_rng(1).normal(0, 1, ROWS)
    y = np.where(3 * inputs[:, 0] + noise > 0, "yes", "no")
    np.savez(tmp_path / "binary.npz", x=inputs, y=y)
    metadata = Metadata(("no", "yes"), meaning="logits", task="binary")
    path = tmp_path / "binary.tflite"
    path.write_bytes(attach(dense([[3], [0], [0], [0]], [-3]), metadata))
    return path


@pytest.fixture
def several(inputs: Any, tmp_path: Path) -> Path:
    """Three labels that do not exclude each other."""
    noise = np.random.default_rng(1).normal(0, 0.3, (ROWS, 3))
    np.savez(tmp_path / "several.npz", x=inputs, y=(inputs[:, :3] + noise > 0).astype(int))
    metadata = Metadata(("hot", "wet", "loud"), meaning="probabilities", task="multilabel")
    path = tmp_path / "several.tflite"
    path.write_bytes(attach(dense(np.eye(4)[:, :3] * 2, [0, 0, 0], sigmoid=True), metadata))
    return path


@pytest.fixture
def sensor(tmp_path: Path) -> Path:
    """A model that rebuilds four numbers from their mean, and its data; one in five is worn."""
    rng = np.random.default_rng(0)
    worn = np.arange(ROWS) % 5 == 0
    spread = np.where(worn, 1.5, 0.1)[:, None]
    x = rng.normal(0, 1, (ROWS, 1)) + rng.normal(0, 1, (ROWS, 4)) * spread
    y = np.where(worn, "worn", "normal")
    np.savez(tmp_path / "sensor.npz", x=x.astype(np.float32), y=y)
    metadata = Metadata(meaning="numbers", task="anomaly")
    path = tmp_path / "sensor.tflite"
    path.write_bytes(attach(dense(np.full((4, 4), 0.25), np.zeros(4)), metadata))
    return path


def bench(path: Path, *options: object) -> int:
    common = ["--quick", "--artifacts", path.parent, "--backend", "native"]
    data = path.with_suffix(".npz")
    return cli.run(["bench", *map(str, (path, "--data", data, *common, *options))])


def result_of(path: Path, metric: str) -> Any:
    document = documents.read((path.parent / "bench.json").read_text())
    (one,) = [one for one in document["results"] if one["metric"] == metric]
    return one["summary"]


def gates_of(path: Path) -> dict[str, str]:
    document = documents.read((path.parent / "bench.json").read_text())
    return {gate["name"]: gate["verdict"] for gate in document["gates"]}


def test_a_binary_model_and_gates_in_every_report(
    binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = binary.parent
    reports = ["--junit", folder / "j.xml", "--markdown", folder / "m.md"]
    assert bench(binary, "--min", "auc=0.9", "--min", "recall=0.9", *reports) == 1
    shown = capsys.readouterr()
    assert "binary.tflite on native: recall: 0." in shown.err
    summary = result_of(binary, "accuracy")
    assert summary["metrics"]["auc"] > 0.95 > 0.6 > summary["metrics"]["recall"]
    assert summary["per_class"][1]["recall"] == summary["metrics"]["recall"]
    assert (summary["task"], summary["threshold"]) == ("binary", None)
    assert gates_of(binary) == {"AUC": "passed", "recall": "failed"}
    cases = ElementTree.parse(folder / "j.xml").getroot().iter("testcase")
    names = {case.get("name"): case.find("failure") is not None for case in cases}
    assert names["binary.tflite on native: recall"]
    assert not names["binary.tflite on native: AUC"]
    page = (folder / "report.html").read_text()
    for text in (shown.out, (folder / "m.md").read_text(), page):
        assert "AUC" in text
        assert "macro F1" in text
        assert "Classes" in text
        assert "yes" in text


def test_the_files_threshold_decides(binary: Path) -> None:
    content = binary.read_bytes()
    metadata = Metadata(("no", "yes"), meaning="logits", task="binary", threshold=-3.0)
    binary.write_bytes(attach(content, metadata))
    assert bench(binary, "--min", "recall=0.85", "--min", "accuracy=0.9") == 0
    summary = result_of(binary, "accuracy")
    assert summary["threshold"] == -3
    arrays = np.load(binary.with_suffix(".npz"))
    assert arrays["y"].tolist().count("yes") > 150
    assert gates_of(binary)["accuracy"] == "passed"


def test_several_labels(several: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(several, "--min", "f1=0.8", "--min", "auc=0.9", "--max", "mae=1") == 1
    assert "MAE: it is not measured: there are accuracy, f1" in capsys.readouterr().err
    summary = result_of(several, "labels")
    assert summary["names"] == ["hot", "wet", "loud"]
    assert min(one["auc"] for one in summary["per_label"]) > 0.9
    assert gates_of(several)["macro F1"] == "passed"
    assert "loud" in (several.parent / "report.html").read_text()


def test_anomalies(sensor: Path) -> None:
    assert bench(sensor, "--min", "auc=0.95", "--min", "recall=0.9") == 0
    summary = result_of(sensor, "accuracy")
    model = edge_runtime.load(sensor)
    arrays = np.load(sensor.with_suffix(".npz"))
    worn = arrays["y"] == "worn"
    errors = model.score(arrays["x"])
    # Chosen on held-out training inputs: it parts the two.
    assert errors[~worn].max() < summary["threshold"] * 3
    assert summary["threshold"] < np.median(errors[worn])
    assert auc(errors, worn) > 0.95
    assert summary["confusion"][1][1] > 10
    document = documents.read((sensor.parent / "bench.json").read_text())
    assert document["dataset"]["labels"] == ["normal", "worn"]
    assert "worn" in (sensor.parent / "report.html").read_text()


def predicted(path: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    command = ["predict", str(path), "--data", str(path.with_suffix(".npz")), "--json"]
    assert cli.run(command) == 0
    predictions: list[dict[str, Any]] = documents.read(capsys.readouterr().out)["predictions"]
    assert cli.run(command[:-1]) == 0
    return predictions


def test_predict_says_which_inputs_are_anomalies(
    sensor: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = sensor.read_bytes()
    sensor.write_bytes(attach(content, Metadata(meaning="numbers", task="anomaly", threshold=0.2)))
    found = predicted(sensor, capsys)
    assert "anomaly, mean squared error" in capsys.readouterr().out
    errors = edge_runtime.load(sensor).score(np.load(sensor.with_suffix(".npz"))["x"])
    assert [one["squared_error"] for one in found] == errors.tolist()
    assert [one["anomaly"] for one in found] == (errors > 0.2).tolist()


def test_predict_gives_each_label_and_decides_by_the_threshold(
    several: Path, binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(predicted(several, capsys)[0]["values"]) == 3
    lowered = Metadata(("no", "yes"), meaning="logits", task="binary", threshold=-3.0)
    highest = [one["label"] for one in predicted(binary, capsys)]
    binary.write_bytes(attach(binary.read_bytes(), lowered))
    decided = [one["label"] for one in predicted(binary, capsys)]
    x = np.load(binary.with_suffix(".npz"))["x"]
    for labels, level in (highest, 0), (decided, -3):
        assert [one == "yes" for one in labels] == (3 * x[:, 0] - 3 > level).tolist()


def test_numbers(inputs: Any, tmp_path: Path) -> None:
    path = tmp_path / "level.tflite"
    path.write_bytes(attach(dense([[1], [2], [0], [0]], [0.5]), Metadata(meaning="numbers")))
    y = inputs @ np.array([1, 2, 0, 0], np.float32) + np.float32(0.75)
    np.savez(tmp_path / "level.npz", x=inputs, y=y)
    limits = ["--max", "mae=0.26", "--max", "rmse=0.26", "--min", "r2=0.9"]
    assert bench(path, *limits) == 0
    assert bench(path, "--max", "mae=0.24") == 1
    assert gates_of(path)["MAE"] == "failed"


def test_the_report_of_the_conversion_has_the_r2_of_each_target(
    inputs: Any, tmp_path: Path
) -> None:
    path = tmp_path / "two.tflite"
    weights = [[0, 0], [0, 1000], [0, 0], [0, 0]]
    path.write_bytes(attach(dense(weights, [0, 0]), Metadata(meaning="numbers")))
    np.savez(tmp_path / "two.npz", x=inputs, y=inputs[:, :2] * np.array([1, 1000], np.float32))
    assert bench(path, "--max", "mae=1000") == 0
    document = documents.read((tmp_path / "bench.json").read_text())
    total = next(one for one in document["results"] if one["metric"] == "error")["summary"]["total"]
    right = {"rmse": 0.0, "mae": 0.0, "r2": 1.0}
    report = {
        "tflite_sha256": files.sha256(path),
        "data": {"source": "two.npz", "sha256": document["dataset"]["sha256"]},
        "numbers": {
            "total": total,
            "before": right,
            "targets": [{"name": name, "before": right, "after": right} for name in "01"],
        },
    }
    path.with_name("two.tflite.report.json").write_text(json.dumps(report))
    assert bench(path, "--max-drop", "0.01") == 1
    assert gates_of(path)["R² drop"] == "failed"
    del report["numbers"]["targets"]  # type: ignore[attr-defined]
    path.with_name("two.tflite.report.json").write_text(json.dumps(report))
    assert bench(path, "--max-drop", "0.01") == 0


@pytest.mark.parametrize(("drop", "code"), [(0.02, 1), (0.1, 0)])
def test_the_report_of_the_conversion_has_the_keras_models_metric(
    binary: Path, drop: float, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(binary) == 0
    accuracy = result_of(binary, "accuracy")["accuracy"]
    document = documents.read((binary.parent / "bench.json").read_text())
    source = str(binary.with_suffix(".npz"))
    report: dict[str, Any] = {
        "tflite_sha256": files.sha256(binary),
        "data": {"source": source, "sha256": document["dataset"]["sha256"]},
        "accuracy": {"before": {"accuracy": accuracy + 0.05, "total": 80}},
    }
    beside = binary.with_name("binary.tflite.report.json")
    beside.write_text(json.dumps(report))
    capsys.readouterr()
    assert bench(binary, "--max-drop", drop) == code
    assert gates_of(binary)["accuracy drop"] == ("failed" if code else "passed")
    if code:
        assert "the Keras model, by the report of the conversion, has" in capsys.readouterr().err
    others: list[Any] = [{"data": report["data"] | {"sha256": "0" * 64}}]
    others += [{"accuracy": {"before": {"accuracy": accuracy + 0.05, "total": 50}}}]
    for other in others:  # other data, and fewer of them
        beside.write_text(json.dumps(report | other))
        assert bench(binary, "--max-drop", drop) == 0
        assert gates_of(binary)["accuracy"] == "skipped"


def test_a_damaged_report_has_no_metrics(binary: Path) -> None:
    report = {
        "tflite_sha256": files.sha256(binary),
        "data": {"source": str(binary.with_suffix(".npz"))},
        "accuracy": {"before": 5},
    }
    binary.with_name("binary.tflite.report.json").write_text(json.dumps(report))
    assert bench(binary, "--max-drop", "0.5") == 0


def test_a_float_file_stands_in_for_the_keras_model(
    sensor: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(sensor, "--keras", sensor, "--max-drop", "0.001") == 0
    assert gates_of(sensor)["AUC drop"] == "passed"
    other = sensor.with_name("other.tflite")
    kernel = np.full((4, 4), 0.2)
    kernel[:, 0] = [1, 0, 0, 0]
    other.write_bytes(attach(dense(kernel, np.zeros(4)), Metadata(meaning="numbers")))
    assert bench(sensor, "--keras", other, "--max-drop", "0.001") == 0
    document = documents.read((sensor.parent / "bench.json").read_text())
    (agreement,) = [one for one in document["results"] if one["metric"] == "agreement"]
    assert agreement["summary"]["reference"] == "other.tflite on float"
    assert agreement["summary"]["rms"] > 0
    assert "the float model has" in " ".join(gate["message"] for gate in document["gates"])
    capsys.readouterr()
    other.write_bytes(b"no model")
    assert bench(sensor, "--keras", other, "--min", "auc=0.9") == 0
    assert "other.tflite" in capsys.readouterr().out


def bare(path: Path) -> Path:
    """Return the same model as another tool writes it: without metadata."""
    content = {
        "binary": dense([[3], [0], [0], [0]], [-3]),
        "several": dense(np.eye(4)[:, :3] * 2, [0, 0, 0], sigmoid=True),
        "sensor": dense(np.full((4, 4), 0.25), np.zeros(4)),
    }
    path.write_bytes(content[path.stem])
    return path


def used(path: Path) -> tuple[str, str]:
    """Return task and meaning that the last run says."""
    (model,) = documents.read((path.parent / "bench.json").read_text())["models"]
    return model["task"], model["meaning"]


def test_a_task_for_a_file_without_metadata(
    binary: Path, several: Path, sensor: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summaries = {}
    for path, task, metric in (
        (binary, "binary", "accuracy"),
        (several, "multilabel", "labels"),
        (sensor, "anomaly", "accuracy"),
    ):
        assert bench(path) == 0
        said = result_of(path, metric)
        capsys.readouterr()
        assert bench(bare(path), "--task", task, "--min", "auc=0.9") == 0
        assert "guessed" not in capsys.readouterr().err
        assert used(path)[0] == task
        summaries[task] = (said, result_of(path, metric))
    said, found = summaries["anomaly"]
    assert found == said
    said, found = summaries["multilabel"]
    nameless = {"names": [], "pictures": found["pictures"]}
    assert found == said | nameless
    # The user named the task, so that two classes get a threshold, on held-out inputs.
    said, found = summaries["binary"]
    assert said["threshold"] is None
    assert -4 < found["threshold"] < -2
    assert found["metrics"]["auc"] == said["metrics"]["auc"]
    assert found["accuracy"] > 0.85 > said["accuracy"]
    assert bench(several, "--task", "multilabel", "--classes", "hot,wet,loud") == 0
    assert result_of(several, "labels")["names"] == ["hot", "wet", "loud"]


def test_a_task_is_guessed_and_said(
    binary: Path, several: Path, sensor: Path, inputs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, task, reason in (
        (binary, "binary", "it ends without softmax or sigmoid, and there are 2 classes"),
        (several, "multilabel", "the data have several labels for an input"),
        (sensor, "anomaly", "it has as many outputs as inputs, 4"),
    ):
        assert bench(bare(path)) == 0
        note = f"{path.name}: task {task}, guessed: {reason}; --task says another"
        assert note in capsys.readouterr().err
        assert used(path)[0] == task
    assert result_of(sensor, "accuracy")["confusion"][1][1] > 10
    np.savez(binary.with_suffix(".npz"), x=inputs, y=3 * inputs[:, 0] - 3)
    assert bench(binary, "--max", "mae=0.001") == 0
    assert "task regress, guessed: it ends without softmax" in capsys.readouterr().err
    assert used(binary) == ("regress", "numbers")
    # Classes of which none is called normal say nothing of anomalies, until the user says so.
    arrays = dict(np.load(sensor.with_suffix(".npz")))
    arrays["y"] = np.where(arrays["y"] == "worn", "b", "a")
    np.savez(sensor.with_suffix(".npz"), **arrays)
    assert bench(sensor) == 0
    assert "none of the classes (a, b) is called normal" in capsys.readouterr().err
    assert gates_of(sensor) == {"accuracy": "skipped"}
    assert bench(sensor, "--task", "anomaly", "--min", "auc=0.9") == 0


def test_the_option_overrides_the_file(several: Path, sensor: Path) -> None:
    """Logits that the file says to be of classes, measured as labels, and rebuilt as numbers."""
    metadata = Metadata(("hot", "wet", "loud"), meaning="logits", task="classify")
    several.write_bytes(attach(dense(np.eye(4)[:, :3] * 2, [0, 0, 0]), metadata))
    assert bench(several, "--task", "multilabel", "--min", "f1=0.8") == 0
    assert result_of(several, "labels")["names"] == ["hot", "wet", "loud"]
    assert used(several) == ("multilabel", "logits")
    x = np.load(sensor.with_suffix(".npz"))["x"]
    np.savez(sensor.with_suffix(".npz"), x=x, y=x.mean(axis=1, keepdims=True).repeat(4, axis=1))
    assert bench(sensor, "--task", "regress", "--max", "mae=0.001") == 0
    assert used(sensor) == ("regress", "numbers")


def test_a_threshold_is_that_of_its_task(sensor: Path) -> None:
    said = Metadata(meaning="numbers", task="anomaly", threshold=0.2)
    sensor.write_bytes(attach(sensor.read_bytes(), said))
    file = model_file.load(sensor)
    assert tasks.stated(file, "anomaly").metadata == said
    other = tasks.stated(file, "classify").metadata
    assert (other.task, other.meaning, other.threshold) == ("classify", "logits", None)


def test_a_detector_without_known_anomalies_is_judged_by_what_it_rebuilds(sensor: Path) -> None:
    x = np.load(sensor.with_suffix(".npz"))["x"]
    np.savez(sensor.with_suffix(".npz"), x=x)
    assert bench(sensor, "--task", "anomaly", "--min", "r2=-9") == 0
    found = result_of(sensor, "error")
    spread = ((x - x.mean(axis=0)) ** 2).mean()
    assert found["r2"] == pytest.approx(1 - found["rmse"] ** 2 / spread, abs=0.05)
    assert found["r2"] < 1
    assert bench(sensor, "--task", "anomaly", "--min", "r2=1") == 1


def test_the_training_part_of_a_guessed_detector_may_lack_anomalies(sensor: Path) -> None:
    arrays = np.load(sensor.with_suffix(".npz"))
    normal, train = arrays["y"] == "normal", np.arange(ROWS) < 300
    x, y, learned, rest = arrays["x"], arrays["y"], train & normal, ~train
    parts = {"x_train": x[learned], "y_train": y[learned], "x_test": x[rest], "y_test": y[rest]}
    np.savez(sensor.with_suffix(".npz"), **parts)
    assert bench(bare(sensor), "--min", "auc=0.9") == 0
    assert used(sensor)[0] == "anomaly"


@pytest.mark.parametrize(
    ("name", "task", "problem"),
    [
        ("several", "binary", "an output of [3] tells more than two classes apart"),
        ("several", "anomaly", "an output of [3] does not rebuild its input of [4]"),
        ("softmax", "multilabel", "it ends in SOFTMAX, whose scores exclude each other"),
        ("rows", "classify", "an output of [2, 2] is not one score for each class"),
        ("two", "regress", "it has 2 outputs, which are numbers; leave --task out"),
    ],
)
def test_a_task_that_the_output_cannot_be(
    name: str, task: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, vector = build.tensor((1, 4)), [build.tensor((1, 4))] * 2
    contents = {
        "several": dense(np.eye(4)[:, :3], [0, 0, 0]),
        "softmax": build.model(vector, [("SOFTMAX", [0], 1, {"beta": 1.0})]),
        "rows": build.model(
            [one, build.constant([1, 2, 2], "int32"), build.tensor((1, 2, 2))],
            [("RESHAPE", [0, 1], 2, {})],
        ),
        "two": build.model(
            [one, *vector], [("TANH", [0], 1, {}), ("LOGISTIC", [0], 2, {})], outputs=[1, 2]
        ),
    }
    path = tmp_path / f"{name}.tflite"
    path.write_bytes(contents[name])
    np.savez(path.with_suffix(".npz"), x=np.zeros((20, 4), np.float32), y=[0, 1] * 10)
    assert bench(path, "--task", task) == 2
    message = capsys.readouterr().err
    assert f"{path}: --task {task}: {problem}" in message
    assert len(message.splitlines()) == 1


def test_layers_have_no_task(several: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["bench", str(several), "--layers", "--task", "regress"]) == 2
    assert "--task: --layers times layers on random tensors" in capsys.readouterr().err
