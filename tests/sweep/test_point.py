"""One point: the figures that the separate commands give, the same whatever ran before."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.backends import native
from edge_runtime.install import install_line
from edgekit import cli, frameworks
from edgekit.errors import WorkerError
from edgekit.sweep import latency, point
from edgekit.sweep.measurement import DEFLATED, FILES, Measurement
from edgekit.train.data import Dataset, load
from edgekit.train.recipe import Recipe

RECIPE = Recipe(hidden=3, epochs=2, optimizer="rmsprop")


@pytest.fixture(scope="module")
def small(images: Path) -> Dataset:
    return load(str(images))


@pytest.fixture(scope="module")
def task(small: Dataset, tmp_path_factory: pytest.TempPathFactory) -> point.Task:
    int8 = tmp_path_factory.mktemp("sweep") / "files" / "point.tflite"
    return point.Task(RECIPE, point.basis(small), small.source, int8)


@pytest.fixture(scope="module")
def row(task: point.Task) -> Measurement:
    return point.measure(task)


def lasting(row: Measurement) -> Measurement:
    """The row without what is another figure each time."""
    sizes = {**row.sizes, DEFLATED: 0}
    return replace(row, seconds=0.0, latency=None, worker={}, time="", sizes=sizes)


def test_the_int8_file_is_left_for_the_latency(
    task: point.Task, row: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert task.int8 is not None
    assert row.sizes["int8"] == task.int8.stat().st_size
    assert row.latency is None
    timing = latency.Timing(task.int8, task.source, tuple(task.basis.data["classes"]))
    seconds, reason = latency.measure(timing)
    assert seconds is not None
    assert 0 < seconds < 0.01
    assert reason == ""
    monkeypatch.setattr(native, "unavailable", lambda: "no compiler")
    assert latency.measure(timing) == (None, "no compiler")


def test_the_same_point_gives_the_same_row_whatever_ran_before(
    task: point.Task, row: Measurement
) -> None:
    other = point.measure(replace(task, recipe=Recipe(hidden=5, epochs=1, seed=7)))
    assert lasting(other) != lasting(row)
    assert lasting(point.measure(task)) == lasting(row)


def test_the_figures_are_those_of_the_separate_commands(
    images: Path, row: Measurement, tmp_path: Path
) -> None:
    folder = ["--artifacts", str(tmp_path)]
    options = ["--hidden", "3", "--epochs", "2", "--optimizer", "rmsprop"]
    # As in a process of its own: Keras numbers the layers of all models, and files hold names.
    frameworks.keras().utils.clear_session()
    for command in (
        ["train", "--data", str(images), *options],
        ["convert"],
        ["convert", "--quantize"],
        ["bench", "--core", point.CORE, "--quick", "--min-accuracy", "0"],
    ):
        assert cli.run([*command, *folder]) == 0

    def document(name: str) -> Any:
        return json.loads((tmp_path / name).read_text())

    metrics = document("metrics.json")
    assert row.weights_sha256 == metrics["weights_sha256"]
    assert row.epochs == metrics["epochs_run"]
    assert row.parameters == metrics["parameters"]
    float32, int8 = row.accuracy["float32"], row.accuracy["int8"]
    assert float32["correct"] == metrics["correct"]
    assert float32["interval"] == metrics["accuracy_95"]
    assert float32["confusion"] == metrics["confusion_matrix"]["matrix"]
    after = document("model_int8.tflite.report.json")["accuracy"]["after"]
    assert (int8["correct"], int8["interval"]) == (after["correct"], after["accuracy_95"])
    assert row.sizes == {
        "keras": (tmp_path / "model.keras").stat().st_size,
        "float32": (tmp_path / "model.tflite").stat().st_size,
        "int8": (tmp_path / "model_int8.tflite").stat().st_size,
        # The digest of the Keras file, 64 digits, is in it.
        DEFLATED: pytest.approx(
            document("model_int8.tflite.report.json")["bytes"]["tflite_deflated"], abs=16
        ),
    }
    assert row.macs == 784 * 3 + 3 * 2
    built = {
        result["metric"]: result["summary"]
        for result in document(f"bench_{point.CORE}.json")["results"]
        if result["subject"]["backend"] == f"{point.CORE} {point.OPTIMISATION}"
    }
    assert row.firmware == {
        "flash": built["flash"]["total"],
        "ram": built["ram"]["total"],
        "stack": built["ram"]["stack"],
        "instructions": built["instructions"]["median"],
    }
    assert row.missing == {}
    assert row.awaits_latency


def test_a_fine_tuned_point_is_what_train_makes_of_its_options(
    task: point.Task, images: Path, tmp_path: Path
) -> None:
    recipe = Recipe(hidden=2, epochs=1, prune=0.75, qat=True)
    row = point.measure(replace(task, recipe=recipe))
    options = ["--hidden", "2", "--epochs", "1", "--prune", "0.75", "--qat"]
    frameworks.keras().utils.clear_session()
    for command in (
        ["train", "--data", str(images), *options],
        ["convert"],
        ["convert", "--quantize"],
    ):
        assert cli.run([*command, "--artifacts", str(tmp_path)]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    report = json.loads((tmp_path / "model_int8.tflite.report.json").read_text())
    assert metrics["tuning"]["kernels"][0]["sparsity"] >= 0.75
    assert row.weights_sha256 == metrics["weights_sha256"]
    assert row.epochs == metrics["epochs_run"] == 3
    assert row.accuracy["int8"]["correct"] == report["accuracy"]["after"]["correct"]
    files = (tmp_path / name for name in ("model.keras", "model.tflite", "model_int8.tflite"))
    assert [row.sizes[name] for name in FILES] == [path.stat().st_size for path in files]
    deflated = report["bytes"]["tflite_deflated"]
    assert row.sizes[DEFLATED] == pytest.approx(deflated, abs=16)


def test_without_the_tools_the_row_says_so(
    task: point.Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgekit.benchmarks.mcu import firmware

    monkeypatch.setattr(firmware, "find_spec", lambda _: None)
    row = point.measure(replace(task, recipe=Recipe(hidden=2, epochs=1)))
    assert row.firmware is None
    assert install_line("mcu") in row.missing["firmware"]
    assert row.accuracy["int8"]["total"] == 200


def test_a_point_that_diverges_is_a_row_that_says_so(task: point.Task) -> None:
    recipe = Recipe(hidden=2, epochs=3, learning_rate=1e30, optimizer="sgd")
    row = point.measure(replace(task, recipe=recipe))
    assert row.failure.startswith("training diverged")
    assert row.accuracy == {}


@pytest.mark.parametrize(
    ("field", "changed", "said"),
    [
        ("data", {"sha256": "00"}, "is not what it is here"),
        ("versions", {"keras": "2.0"}, "has keras 3.*here is 2.0"),
        ("versions", {"ziglang": None}, "here is None"),
    ],
)
def test_a_worker_with_other_data_or_versions_is_refused(
    task: point.Task, field: str, changed: dict[str, Any], said: str
) -> None:
    own = {**getattr(task.basis, field), **changed}
    asked = {name: value for name, value in own.items() if value is not None}
    with pytest.raises(WorkerError, match=said):
        point.measure(replace(task, basis=replace(task.basis, **{field: asked})))


def test_a_worker_without_the_data_says_where_it_looked(task: point.Task) -> None:
    with pytest.raises(WorkerError, match=r"worker on .*/nowhere.npz"):
        point.measure(replace(task, source="/nowhere.npz"))
