"""Files that LiteRT dies of: predict refuses them in a line, bench says so and goes on."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

import build
import models
from edge_runtime import BackendError, load
from edge_runtime.backends import litert, native
from edge_runtime.errors import UnsoundError
from edgekit.benchmarks import exactness, latency
from edgekit.benchmarks.contender import Contender, from_models
from edgekit.benchmarks.result import Result, Subject
from edgekit.cli import run

SHAPE = (1, 8, 8, 1)


def classifier(*, deadly: bool) -> bytes:
    """ADD of a constant, int8 [1, 8, 8, 1]; LiteRT aborts where the constant has no scale."""
    tensors = [
        build.tensor(SHAPE, "int8", 0.5),
        build.constant(np.ones(SHAPE), "int8", 0.5),
        build.tensor(SHAPE, "int8", 0.5),
    ]
    data = build.model(tensors, [("ADD", [0, 1], 2, {})])
    tree = schema.ModelT.InitFromPackedBuf(data)
    if deadly:
        tree.subgraphs[0].tensors[1].quantization = None
    return build.pack(tree)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deadly.tflite").write_bytes(classifier(deadly=True))
    (tmp_path / "good.tflite").write_bytes(classifier(deadly=False))
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / "image.png")
    np.save(tmp_path / "x.npy", np.full((2, *SHAPE[1:]), 20, np.float32))
    return tmp_path


def edgekit(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edgekit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [(), ("--backend", "litert")], ids=str)
def test_predict(folder: Path, options: tuple[str, ...]) -> None:
    model = folder / "deadly.tflite"
    done = edgekit("predict", model, folder / "image.png", folder / "x.npy", *options)
    assert (done.returncode, done.stdout) == (2, "")
    said = f"edgekit: error: {model}: LiteRT died of it (SIGABRT): refused"
    assert done.stderr.splitlines() == [said]
    done = edgekit("predict", folder / "good.tflite", folder / "x.npy", *options)
    assert done.returncode == 0, done.stderr


def test_bench(folder: Path) -> None:
    done = edgekit("bench", "--quick", "--data", "none", "--json", "--artifacts", folder)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    reasons = {
        (one["subject"]["model"], one["subject"]["backend"]): one["reason"]
        for one in document["results"]
        if one["metric"] in ("accuracy", "outputs")
    }
    assert reasons["deadly.tflite", "litert"].endswith("LiteRT died of it (SIGABRT): refused")
    assert reasons["good.tflite", "litert"] == reasons["good.tflite", "native"] == ""
    timed = {
        (one["subject"]["model"], one["subject"]["backend"])
        for one in document["results"]
        if one["metric"] == "latency" and one["status"] == "measured"
    }
    assert {("good.tflite", "litert"), ("good.tflite", "native")} <= timed
    assert "deadly.tflite: runs: no backend ran it" in done.stderr


def test_a_contender_in_a_child_is_timed_there(tmp_path: Path) -> None:
    tensors = [build.tensor(SHAPE, "float32"), build.tensor(SHAPE, "float32")]
    path = tmp_path / "model.tflite"
    path.write_bytes(build.model(tensors, [("BITCAST", [0], 1, {})]))
    found = [one for one in from_models({"it": path}, ["litert"]) if isinstance(one, Contender)]
    inputs = np.ones((3, *SHAPE[1:]), np.float32)
    (result,) = latency.measure(found, inputs, rounds=2, calls=10)
    assert result.status == "measured"
    assert len(result.samples) == result.summary["calls"]
    # Through the pipe, one takes longer than the slowest of these.
    assert latency.throughput(found, inputs) == []


def test_who_dies_while_it_is_timed_fails_and_the_others_go_on(folder: Path) -> None:
    def times(_: object, calls: int) -> list[float]:
        alive.append(1)
        if len(alive) > 3:
            raise BackendError("LiteRT died of it (SIGSEGV)")
        return [1e-6] * calls

    alive: list[int] = []
    models_ = {"good": folder / "good.tflite"}
    good, other = (one for one in from_models(models_, ["native", "reference"]))
    assert isinstance(good, Contender)
    assert isinstance(other, Contender)
    dying = Contender(**{**vars(other), "times": times})
    inputs = np.full((1, *SHAPE[1:]), 20, np.float32)
    first, second = latency.measure([good, dying], inputs, rounds=4, calls=10)
    assert first.status == "measured"
    expected = Result(other.subject, "latency", "s", status="failed")
    assert vars(second) == {**vars(expected), "reason": "LiteRT died of it (SIGSEGV)"}
    assert len(alive) == 4


def test_predict_hands_litert_nothing_that_contradicts_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnsoundError("op 0 contradicts itself")

    def reached(*_: object, **__: object) -> None:
        raise AssertionError("LiteRT was asked")

    monkeypatch.setattr(native, "open_session", refuse)
    monkeypatch.setattr(litert, "open_session", reached)
    model = folder / "good.tflite"
    assert run(["predict", str(model), str(folder / "image.png")]) == 2
    said = f"edgekit: error: {model}: op 0 contradicts itself"
    assert capsys.readouterr().err.splitlines() == [said]


def test_outputs_are_not_compared_where_litert_may_die(folder: Path) -> None:
    tree = schema.ModelT.InitFromPackedBuf(models.seeds()["QUANTIZE int8 int8"])
    tree.subgraphs[0].tensors[0].quantization.scale = [1e-38]  # XNNPACK ends the process
    path = folder / "denormal.tflite"
    path.write_bytes(build.pack(tree))
    model = load(path)
    contender = Contender(
        subject=Subject("denormal", "", "native"),
        file=path,
        predict=model.predict,
        inputs=lambda inputs: inputs.astype(np.int8),
        run=model.run,
        distributions=(),
    )
    results = exactness.measure(contender, np.zeros((0, *model.input.shape[1:])), 5)
    assert [one.status for one in results] == ["not present"] * 2
    assert "may die of the file" in results[0].reason


def test_inspect_says_that_litert_does_not_run_a_contradiction(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = schema.ModelT.InitFromPackedBuf(classifier(deadly=False))
    tree.subgraphs[0].operators[0].inputs = [0, -1]
    path = folder / "contradictory.tflite"
    path.write_bytes(build.pack(tree))
    assert run(["inspect", str(path), "--json"]) == 0
    runners = {one["name"]: one for one in json.loads(capsys.readouterr().out)["runners"]}
    assert runners["litert"]["runs"] == runners["native"]["runs"] == "no"
    assert "ADD: it has no input 1" in runners["litert"]["reason"]
    assert run(["predict", str(path), str(folder / "x.npy"), "--backend", "litert"]) == 2
    assert "ADD: it has no input 1" in capsys.readouterr().err
