"""`edgekit bench` with models and data that are not the documented ones."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import documents
import edge_runtime
import foreign
from edgekit import cli
from edgekit.benchmarks import footprint, latency
from edgekit.convert.metadata import Metadata, attach


@pytest.fixture(autouse=True)
def no_edgetpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_EDGETPU_LIB", "no-such-library.so")


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    return foreign.write_data(tmp_path / "sides.npz")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A regression of ten features; its targets are in table.npz beside it."""
    generator = np.random.default_rng(1)
    weights = generator.standard_normal(10).astype(np.float32)
    x = generator.standard_normal((200, 10)).astype(np.float32)
    y = (x @ weights + 0.5 + 0.1 * generator.standard_normal(200)).astype(np.float32)
    np.savez(tmp_path / "table.npz", x=x, y=y)
    path = tmp_path / "table.tflite"
    path.write_bytes(foreign.regression(weights))
    return path


def bench(folder: Path, *arguments: object, backend: str = "native") -> int:
    common = ["--quick", "--artifacts", folder]
    common += ["--backend", backend] if backend else []
    return cli.run(["bench", *map(str, (*arguments, *common))])


def read(folder: Path, name: str = "bench.json") -> Any:
    return documents.read((folder / name).read_text())


def of(document: Any, metric: str) -> list[Any]:
    return [one for one in document["results"] if one["metric"] == metric]


def test_targets_that_are_numbers_give_an_error(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(tmp_path, table, "--data", tmp_path / "table.npz") == 0
    shown = capsys.readouterr().out
    assert "RMSE" in shown
    document = read(tmp_path)
    (error,) = of(document, "error")
    assert error["summary"]["rmse"] == pytest.approx(0.1, rel=0.3)
    assert error["summary"]["r2"] > 0.99
    assert error["summary"]["total"] == 40
    assert not of(document, "accuracy")
    assert {"latency", "throughput", "file_size"} <= {one["metric"] for one in document["results"]}
    (gate,) = (one for one in document["gates"] if one["name"] == "accuracy")
    assert gate["verdict"] == "skipped"
    assert "give --keras FILE" in gate["message"]


def test_a_model_of_unknown_origin_is_measured_without_data(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(tmp_path, table) == 0
    assert "note: no data: random tensors" in capsys.readouterr().err
    document = read(tmp_path)
    assert document["dataset"]["random"] is True
    for metric in ("outputs", "latency", "throughput", "cold_start", "file_size"):
        assert [one["status"] for one in of(document, metric)][-1] == "measured"
    (difference,) = of(document, "difference_to_builtin_ref")
    assert difference["summary"]["images"]["tensors"] == 0
    assert difference["summary"]["random"]["tensors"] == 200
    assert "no data" in {one["message"].partition(":")[0] for one in document["gates"]}
    # Who asks for an accuracy does not get a pass without one.
    assert bench(tmp_path, table, "--data", "none", "--min-accuracy", "0.9") == 1


@pytest.mark.parametrize("name", ["table", "sides"])
@pytest.mark.compiler
def test_firmware_without_data_and_of_numbers(
    name: str, table: Path, sides: Path, tmp_path: Path
) -> None:
    path, data = table, ("--data", tmp_path / "table.npz")
    if name == "sides":
        path, data = tmp_path / "sides.tflite", ("--data", "none")
        path.write_bytes(foreign.int8_model(0.0, 255.0))
    assert sides.exists()
    assert bench(tmp_path, path, *data, "--core", "cortex-m4", backend="") == 0
    found = {one["metric"] for one in read(tmp_path, "bench_cortex-m4.json")["results"]}
    worth = "error" if name == "table" else "outputs"
    assert {worth, "flash", "ram", "instructions", "difference_to_native"} <= found


def test_a_foreign_file_is_used_as_its_input_says(
    sides: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "foreign.tflite"
    path.write_bytes(foreign.int8_model(0.0, 255.0, "uint8"))
    assert bench(tmp_path, path, "--data", sides) == 0
    said = capsys.readouterr().err
    assert "note: foreign.tflite: pixels 0 to 255 become 0 to 255: its input's uint8 scale" in said
    document = read(tmp_path)
    (model,) = document["models"]
    assert model["pixels"] == [0.0, 255.0]
    assert "scale and zero point" in model["reason"]
    (accuracy,) = of(document, "accuracy")
    assert accuracy["summary"]["correct"] == 90


def test_what_cannot_be_told_is_one_line(
    sides: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(sides) as held:
        arrays = dict(held)
    arrays["y_train"] = np.random.default_rng(1).permutation(arrays["y_train"])
    np.savez(sides, **arrays)
    path = tmp_path / "foreign.tflite"
    path.write_bytes(foreign.float_model(0.0, 1.0))
    assert bench(tmp_path / "out", path, "--data", sides) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--input-range LOW,HIGH" in line
    assert "edgekit label" in line
    assert not (tmp_path / "out").exists()
    assert bench(tmp_path, path, "--data", sides, "--input-range", "0,1") == 0


def test_labels_come_from_a_list_or_a_file(
    sides: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "foreign.tflite"
    path.write_bytes(foreign.int8_model(0.0, 1.0))
    (tmp_path / "labels.txt").write_text("2\n1\n0\n")
    assert bench(tmp_path, path, "--data", sides, "--labels", tmp_path / "labels.txt") == 0
    document = read(tmp_path)
    assert document["dataset"]["labels"] == ["2", "1", "0"]
    assert of(document, "accuracy")[0]["summary"]["correct"] == 30
    capsys.readouterr()
    (tmp_path / "labels.txt").write_text("2\n\n0\n")
    assert bench(tmp_path, path, "--data", sides, "--labels", tmp_path / "labels.txt") == 2
    assert "one label a line" in capsys.readouterr().err


def test_the_drop_below_the_keras_model_is_gated(
    int8_model: Path,
    images: Path,
    keras_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The model does not say that it is of the study, only which Keras model it is."""
    # Calling Keras, and starting TensorFlow afresh, takes longer than all else here.
    for timed in ((footprint, "measure"), (latency, "measure"), (latency, "throughput")):
        monkeypatch.setattr(*timed, lambda *_, **__: [])
    said = edge_runtime.load(int8_model).metadata
    assert said is not None
    metadata = Metadata(
        said.labels,
        mean=said.mean,
        std=said.std,
        framing=said.framing,
        provenance={"model": said.provenance["model"]},
    )
    path = tmp_path / "metadata.tflite"
    path.write_bytes(attach(int8_model.read_bytes(), metadata))
    shutil.copy(keras_model, tmp_path / "model.keras")
    assert bench(tmp_path, path, "--data", images) == 0
    document = read(tmp_path)
    (gate,) = (one for one in document["gates"] if one["name"] == "accuracy drop")
    assert (gate["verdict"], gate["limit"]) == ("passed", 0.01)
    assert "the Keras model has" in gate["message"]
    assert "95 % interval" in gate["message"]
    assert {one["subject"]["backend"] for one in of(document, "accuracy")} >= {"native", "keras"}
    assert not [one for one in document["gates"] if one["name"] == "accuracy"]


def test_a_baseline_is_written_refreshed_and_kept_when_a_gate_fails(
    sides: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, baseline = tmp_path / "foreign.tflite", tmp_path / "main.json"
    path.write_bytes(foreign.int8_model(0.0, 1.0))
    common = (path, "--data", sides, "--baseline", baseline, "--tolerance", "latency=9")
    common += ("--tolerance", "peak_memory=9")
    assert bench(tmp_path, *common) == 2
    assert "main.json is not there; --update-baseline writes it" in capsys.readouterr().err
    assert bench(tmp_path, *common, "--update-baseline", "--max-size", "1") == 1
    assert not baseline.exists()
    assert bench(tmp_path, *common, "--update-baseline") == 0
    assert baseline.read_text() == (tmp_path / "bench.json").read_text()
    grown = json.loads(baseline.read_text())
    of(grown, "file_size")[0]["summary"]["median"] = 1000
    baseline.write_text(json.dumps(grown))
    capsys.readouterr()
    assert bench(tmp_path, *common, "--update-baseline") == 1
    said = capsys.readouterr().err
    assert "file size against the baseline: was 1.00 kB" in said
    assert "main.json stays as it was: a gate failed" in said
    assert json.loads(baseline.read_text()) == grown
    assert bench(tmp_path, *common, "--tolerance", "file_size=1", "--update-baseline") == 0
    assert baseline.read_text() == (tmp_path / "bench.json").read_text()


def test_latency_and_size_have_limits(sides: Path, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "foreign.tflite"
    path.write_bytes(foreign.int8_model(0.0, 1.0))
    limits = ("--max-latency", "1s", "--max-size", "64K")
    assert bench(tmp_path, path, "--data", sides, *limits) == 0
    capsys.readouterr()
    limits = ("--max-latency", "1ns", "--max-size", "1K")
    assert bench(tmp_path, path, "--data", sides, *limits) == 1
    latency, size = capsys.readouterr().err.splitlines()[-2:]
    assert "foreign.tflite on native: latency: p50 is" in latency
    assert "of 1.00 ns" in latency
    assert "foreign.tflite: size: 1,472 bytes of 1,024" in size


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--max-latency", "50"), "'50' is not a time with its unit"),
        (("--max-latency", "50us", "--core", "cortex-m4"), "--max-latency is about this machine"),
        (("--max-size", "64kB"), "'64kB' is not a size"),
        (("--update-baseline",), "--update-baseline is about an earlier run"),
        (("--tolerance", "latency=0.4"), "--tolerance is about an earlier run"),
        (("--tolerance", "latency"), "'latency' is not a figure and a share"),
        (("--tolerance", "latency=-1"), "'latency=-1' is not a figure and a share"),
        (("--input-range", "1,0"), "the first number must be the smaller one"),
        (("--max-drop", "2"), "--max-drop"),
        (("--keras", "no-such.keras"), "no-such.keras"),
        (("--classes", "no-such.txt"), "no-such.txt"),
    ],
)
def test_bad_options_are_one_line(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["bench", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_an_unknown_tolerance_names_the_known_ones(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--baseline", tmp_path / "b.json", "--update-baseline", "--tolerance", "speed=1")
    assert bench(tmp_path, table, *options) == 2
    assert "there is no figure 'speed': there are accuracy, error, latency" in (
        capsys.readouterr().err
    )
