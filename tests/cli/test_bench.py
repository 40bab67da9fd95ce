import contextlib
import io
import itertools
import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import documents
import edge_runtime
from edge_runtime.backends import litert
from edgekit import cli, digests
from edgekit.benchmarks import exactness, peers
from edgekit.train import data
from edgekit.train.dataset import Dataset
from edgekit.verify import verify


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


def bench(*arguments: object) -> Run:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run(["bench", *map(str, arguments)])
    return Run(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def folder(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the folder of train and convert."""
    folder = tmp_path_factory.mktemp("bench")
    for file in ("model.keras", "model.tflite", "model_int8.tflite"):
        shutil.copy(artifacts / file, folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def no_edgetpu() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_EDGETPU_LIB", "no-such-library.so")
        yield


@pytest.fixture(scope="module")
def whole_run(folder: Path) -> Run:
    """Everything that bench does, once, with few samples."""
    files = [
        f"--{kind}={folder / name}" for kind, name in (("junit", "j.xml"), ("markdown", "m.md"))
    ]
    return bench("--quick", "--json", "--samples", "--artifacts", folder, *files)


def test_the_files_of_the_run_are_listed_with_their_digests(whole_run: Run, folder: Path) -> None:
    assert whole_run.code == 0
    listed = digests.read(folder / digests.SUMS)
    assert listed is not None
    assert set(listed.digests) == {
        *("bench.json", "bench.jsonl", "report.html", "index.html", "j.xml", "m.md"),
    }
    found = verify(folder)
    assert all(finding.status == "ok" for finding in found)
    (keras,) = (finding for finding in found if finding.file.name == "model.keras")
    assert keras.detail == "bench.json"


@pytest.fixture
def few(dataset: Dataset, folder: Path, tmp_path: Path) -> list[Any]:
    """Arguments for a short run: twenty images, four of them with the wrong label, no peers."""
    images = np.concatenate([dataset.x_test[dataset.y_test == i][:10] for i in (0, 1)])
    labels = np.repeat([0, 1], 10)
    truth = labels.copy()
    truth[[2, 3, 5, 7]] = 1
    np.savez(tmp_path / "few.npz", x_train=images, y_train=labels, x_test=images, y_test=truth)
    model = tmp_path / "model_int8.tflite"
    shutil.copy(folder / model.name, model)
    return [model, "--quick", "--artifacts", tmp_path, "--data", tmp_path / "few.npz"]


def test_every_model_is_measured_on_every_backend(whole_run: Run, dataset: Dataset) -> None:
    document = documents.read(whole_run.out)
    assert whole_run.code == 0
    assert document["passed"] is True
    assert document["environment"]["Python"]
    assert document["dataset"]["sha256"] == dataset.sha256
    pixels = {one["name"]: one["pixels"] for one in document["models"]}
    assert pixels == {"model.tflite": [0.0, 1.0], "model_int8.tflite": [0.0, 1.0]}
    results = {
        (one["subject"]["model"], one["subject"]["backend"], one["metric"]): one
        for one in document["results"]
    }
    for model in ("model.tflite", "model_int8.tflite"):
        for metric in (
            "accuracy",
            "agreement",
            "latency",
            "relative_latency",
            "throughput",
            "cold_start",
            "peak_memory",
            "file_size",
            "installed_size",
        ):
            result = results[model, "litert", metric]
            assert result["status"] == "measured", result["reason"]
            assert result["samples"]
        assert results[model, "litert", "accuracy"]["summary"]["total"] == len(dataset.x_test)
        assert results[model, "litert", "agreement"]["summary"]["share"] > 0.99
        exact = results[model, "native", "difference_to_builtin_ref"]["summary"]
        assert exact["images"]["tensors"] == len(dataset.x_test)
        assert exact["random"]["tensors"] == 200
        assert results[model, "native", "difference_to_xnnpack"]["status"] == "measured"
        to_litert = results[model, "native", "latency_to_litert"]["summary"]
        assert to_litert["reference"] == f"{model} on litert"
        (start,), (bare,) = (
            results[key, backend, "cold_start"]["samples"]
            for key, backend in ((model, "native"), ("", "bare Python"))
        )
        ratio = results[model, "native", "cold_start"]["summary"]["ratio"]
        assert ratio == pytest.approx(start / bare)
    gates = {(gate["subject"], gate["name"]): gate["verdict"] for gate in document["gates"]}
    assert gates["model_int8.tflite on native", "exact"] == "passed"
    assert ("model.tflite on native", "exact") not in gates
    for peer in ("keras", "numpy"):
        assert results["model.keras", peer, "latency"]["status"] == "measured"
    assert results["model.keras", "numpy", "agreement"]["summary"]["share"] == 1
    assert results["", "bare Python", "cold_start"]["status"] == "measured"
    absent = results["", "edgetpu", "accuracy"]
    assert absent["status"] == "not present"
    assert "no-such-library.so" in absent["reason"]


def test_the_backends_of_a_model_stand_next_to_each_other(whole_run: Run) -> None:
    results = json.loads(whole_run.out)["results"]
    for metric in ("accuracy", "latency", "cold_start"):
        models = [one["subject"]["model"] for one in results if one["metric"] == metric]
        assert [name for name, _ in itertools.groupby(filter(None, models))] == [
            "model.tflite",
            "model_int8.tflite",
            "model.keras",
        ]


def test_a_byte_that_differs_from_litert_fails_the_run(
    few: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_off = exactness.distances

    def distances(outputs: Any, other: Any) -> Any:
        apart = one_off(outputs, other)
        apart.flat[-1] += 2
        return apart

    monkeypatch.setattr(exactness, "distances", distances)
    run = bench(*few, "--min-accuracy", "0.5", "--markdown", tmp_path / "m.md")
    assert run.code == 1
    assert (
        "edgekit bench: model_int8.tflite on native: exact: 1 of 440 output elements differ from "
        "LiteRT BUILTIN_REF by at most 2 steps; rounding litert, 20 test inputs and 200 random "
        "tensors, seed 1\n"
    ) in run.err
    assert "1/400" in (tmp_path / "m.md").read_text()
    assert "1/400" in (tmp_path / "report.html").read_text()


def test_results_are_written_in_every_format(whole_run: Run, folder: Path) -> None:
    document = documents.read(whole_run.out)
    assert json.loads((folder / "bench.json").read_text()) == document
    head, *lines = map(json.loads, (folder / "bench.jsonl").read_text().splitlines())
    assert (head["dataset"], head["environment"]) == (document["dataset"], document["environment"])
    assert lines == document["results"]
    suites = ElementTree.parse(folder / "j.xml").getroot()
    assert suites.attrib["failures"] == "0"
    dataset = document["dataset"]["name"]
    assert suites.find(f".//property[@name='dataset'][@value='{dataset}']") is not None
    assert (folder / "m.md").read_text().startswith("**edgekit bench: passed**")
    assert "✓</span> Passed" in (folder / "report.html").read_text()
    assert 'href="report.html"' in (folder / "index.html").read_text()


def test_progress_goes_to_stderr(whole_run: Run) -> None:
    assert "edgekit bench: latency" in whole_run.err
    assert "TensorFlow" not in whole_run.err


def test_accuracy_below_the_minimum_names_the_images(few: list[Any], tmp_path: Path) -> None:
    run = bench(*few)
    assert run.code == 1
    assert (
        "edgekit bench: model_int8.tflite on litert: accuracy: 0.80000 (16 of 20) is below 0.99; "
        "wrong on test inputs 2, 3, 5, 7\n"
    ) in run.err
    assert f"report: {(tmp_path / 'report.html').resolve().as_uri()}" in run.out
    assert bench(*few, "--min-accuracy", "0.8").code == 0


def test_required_backend_that_is_not_present_fails(few: list[Any]) -> None:
    run = bench(*few, "--min-accuracy", "0.5", "--require", "edgetpu")
    assert run.code == 1
    assert "edgekit bench: edgetpu: required: it ran no model: no-such-library.so" in run.err


@pytest.fixture
def for_edgetpu(tmp_path: Path, few: list[Any]) -> Path:
    """The int8 model with one op in place of all its ops, as edgetpu_compiler leaves it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(few[0].read_bytes(), 0)
    model.metadata = []
    graph = model.subgraphs[0]
    code, op = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = b"edgetpu-custom-op", 1
    op.inputs, op.outputs = graph.inputs, graph.outputs
    model.operatorCodes, graph.operators = [code], [op]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "model_edgetpu.tflite"
    path.write_bytes(builder.Output())
    return path


def test_model_for_an_edgetpu_that_is_not_there_is_skipped(
    few: list[Any], for_edgetpu: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench(for_edgetpu, *few, "--min-accuracy", "0.5")
    assert run.code == 0
    rows = [line for line in run.out.splitlines() if line.startswith("model_edgetpu.tflite")]
    said = [row for row in rows if f"not present: {for_edgetpu}: " in row]
    assert any("compiled for the Edge TPU" in row for row in said)
    assert "– model_edgetpu.tflite: runs: no backend ran it: edgetpu: no-such-library" in run.out
    assert bench(for_edgetpu, *few, "--min-accuracy", "0.5", "--require", "edgetpu").code == 1
    monkeypatch.setattr(litert, "find_spec", lambda _: None)
    run = bench(for_edgetpu, *few, "--min-accuracy", "0.5")
    assert run.code == 1
    assert "edgekit bench: model_edgetpu.tflite: runs: no backend ran it" in run.err
    # edgekit's engine runs the other without LiteRT.
    assert "edgekit bench: model_int8.tflite: runs" not in run.err


def test_only_the_chosen_backends_take_part(few: list[Any]) -> None:
    run = bench(*few, "--min-accuracy", "0.5", "--backend", "litert", "--json")
    backends = {one["subject"]["backend"] for one in json.loads(run.out)["results"]}
    assert "litert" in backends
    assert "edgetpu" not in backends


def test_worse_accuracy_than_the_baseline_fails(few: list[Any], tmp_path: Path) -> None:
    assert bench(*few, "--min-accuracy", "0.5").code == 0
    baseline = tmp_path / "baseline.json"
    text = (tmp_path / "bench.json").read_text()
    assert '"accuracy": 0.8' in text
    baseline.write_text(text.replace('"accuracy": 0.8', '"accuracy": 0.9'))
    run = bench(*few, "--min-accuracy", "0.5", "--baseline", baseline)
    assert run.code == 1
    assert "accuracy against the baseline: was 0.9000, is 0.8000, may fall by 0.0010" in run.err


def test_backend_that_breaks_is_a_failed_row(
    few: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the delegate\nis gone")

    monkeypatch.setattr(edge_runtime.Model, "predict", broken)
    run = bench(*few, "--min-accuracy", "0")
    assert run.code == 1
    assert "failed: RuntimeError: the delegate is gone" in run.err


def test_synthetic_images_are_said_in_every_output(
    few: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = data.load

    def load(_: str, *others: Any, **options: Any) -> Dataset:
        from dataclasses import replace

        return replace(loaded(str(tmp_path / "few.npz"), *others, **options), source="synthetic")

    monkeypatch.setattr(data, "load", load)
    written = ["--markdown", tmp_path / "m.md", "--junit", tmp_path / "j.xml"]
    run = bench(*few[:-1], "synthetic", *written)
    assert run.out.startswith("SYNTHETIC TEST IMAGES")
    for name in ("m.md", "report.html"):
        assert "SYNTHETIC TEST IMAGES" in (tmp_path / name).read_text()
    assert '"synthetic": true' in (tmp_path / "bench.json").read_text()
    assert 'name="synthetic" value="true"' in (tmp_path / "j.xml").read_text()


def test_models_of_the_same_name_are_told_apart(few: list[Any], tmp_path: Path) -> None:
    other = tmp_path / "other" / "model_int8.tflite"
    other.parent.mkdir()
    shutil.copy(few[0], other)
    run = bench(other, *few, "--json")
    models = {one["subject"]["model"] for one in json.loads(run.out)["results"]}
    assert {str(few[0]), str(other)} <= models


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "no .tflite file"),
        (["missing.tflite"], "missing.tflite"),
        (["truncated.tflite"], "truncated.tflite"),
        (["model.tflite", "--backend", "no-such"], "'no-such' is not one of"),
        (["model.tflite", "--require", "no-such"], "'no-such' is not one of"),
        (["model.tflite", "--baseline", "foreign.json"], "not a document of edgekit bench"),
        (["model.tflite", "--min-accuracy", "99"], "--min-accuracy"),
        (["model.tflite", "--data", "no-such-folder"], "no-such-folder"),
    ],
)
def test_bad_input_is_one_line_and_code_2(
    arguments: list[str],
    says: str,
    float_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "model.tflite").write_bytes(float_model.read_bytes())
    (tmp_path / "truncated.tflite").write_bytes(float_model.read_bytes()[:5000])
    (tmp_path / "foreign.json").write_text('{"accuracy": 1}')
    monkeypatch.chdir(tmp_path)
    run = bench("--artifacts", "empty", *arguments)
    assert run.code == 2
    assert run.out == ""
    assert run.err.count("\n") == 1
    assert says in run.err
    assert not (tmp_path / "empty").exists()


def test_answers_are_not_compared_with_another_keras_model(
    few: list[Any], folder: Path, tmp_path: Path
) -> None:
    shutil.copy(folder / "model.keras", tmp_path)
    with zipfile.ZipFile(tmp_path / "model.keras", "a") as other:
        other.comment = b"other bytes, so another model"
    run = bench(*few)
    assert f"converted from another Keras model than {tmp_path / 'model.keras'}" in run.err
    results = json.loads((tmp_path / "bench.json").read_text())["results"]
    statuses = {
        one["subject"]["backend"]: one["status"] for one in results if one["metric"] == "agreement"
    }
    assert set(statuses.values()) == {"not present"}
    # The peers would run a model that has nothing to do with the file.
    assert not set(statuses) & set(peers.PEERS)
    assert bench(*few, "--keras", tmp_path / "model.keras", "--json").code == 1
    results = json.loads((tmp_path / "bench.json").read_text())["results"]
    statuses = {
        one["subject"]["backend"]: one["status"] for one in results if one["metric"] == "agreement"
    }
    assert statuses["litert"] == statuses["numpy"] == "measured"


def test_files_that_are_still_being_written_are_not_models(
    few: list[Any], folder: Path, tmp_path: Path
) -> None:
    shutil.copy(folder / "model_int8.tflite", tmp_path / ".model_int8.123.tflite")
    bench(*few[1:])
    results = json.loads((tmp_path / "bench.json").read_text())["results"]
    models = {one["subject"]["model"] for one in results} - {""}
    assert not [name for name in models if name.startswith(".")]


@pytest.mark.parametrize("content", ["[" * 100_000, "{}", "not json"])
def test_a_foreign_baseline_is_one_line(content: str, few: list[Any], tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(content)
    run = bench(*few, "--baseline", tmp_path / "old.json")
    assert run.code == 2
    assert len(run.err.splitlines()) == 1
    assert "old.json" in run.err
