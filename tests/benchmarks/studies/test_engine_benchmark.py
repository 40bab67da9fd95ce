"""The benchmark of our engine: its timing loops, and what it reports."""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_runtime
from edge_runtime import _native
from edge_runtime.backends import native
from edgekit.benchmarks.contender import Contender, from_models
from edgekit.benchmarks.result import Subject
from edgekit.benchmarks.studies import calls, engine, networks
from edgekit.train.dataset import Dataset


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "BLOCK_SECONDS", 1e-5)


@pytest.fixture
def tensors(int8_model: Path, dataset: Dataset) -> Any:
    (contender,) = from_models({int8_model.name: int8_model}, ["native"])
    assert isinstance(contender, Contender)
    return contender.inputs(dataset.x_test[:100])


def test_everyone_takes_turns_and_the_collector_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "BLOCK_SECONDS", 0.0)
    turns: list[tuple[str, bool]] = []

    def loop_named(name: str) -> calls.Loop:
        def loop(inputs: Sequence[Any]) -> None:
            assert len(inputs) == 3
            turns.append((name, gc.isenabled()))

        return loop

    loops = {Subject(name, "", "x"): loop_named(name) for name in "ab"}
    inputs = [np.zeros(1)] * 3
    results = calls.measure(loops, inputs, "call", rounds=4)
    # Two beforehand, to see how long it takes; in each turn one that is not timed.
    turn = 1 + calls.BLOCKS
    assert "".join(name for name, _ in turns) == "aabb" + ("a" * turn + "b" * turn) * 4
    assert not any(enabled for _, enabled in turns[4:])
    assert gc.isenabled()
    assert [(one.metric, one.unit, len(one.samples)) for one in results] == [
        ("call", "s", 4 * calls.BLOCKS)
    ] * 2


def test_a_block_is_divided_by_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def loop(inputs: Sequence[Any]) -> None:
        nonlocal now
        now += 0.5 * len(inputs)

    monkeypatch.setattr(calls.time, "perf_counter", lambda: now)
    (result,) = calls.measure({Subject("a", "", "x"): loop}, [np.zeros(1)] * 8, "call", rounds=2)
    assert set(result.samples) == {0.5}


def test_single_inputs_are_distinct_arrays_of_their_own() -> None:
    batch = np.arange(12).reshape(4, 3)
    first, *others = calls.singles(batch, 3)
    assert first.shape == (1, 3)
    assert len(others) == 2
    first[:] = 9
    assert batch[0].tolist() == [0, 1, 2]


def test_one_image_a_call_on_images_and_on_random_tensors(int8_model: Path, tensors: Any) -> None:
    levels = _native.instructions()
    results = list(engine.one_a_call(int8_model, tensors, rounds=2))
    assert {one.metric for one in results} == {
        "call_on_images",
        "call_on_images_ratio",
        "call_on_random",
        "call_on_random_ratio",
    }
    everyone = [
        *(f"native {level}" for level in levels),
        *("LiteRT XNNPACK", "LiteRT BUILTIN", "LiteRT BUILTIN_REF"),
    ]
    for metric in ("call_on_images", "call_on_random"):
        ratios = [one for one in results if one.metric == f"{metric}_ratio"]
        assert [one.subject.backend for one in ratios] == everyone
        assert set(ratios[0].samples) == {1.0}
        assert all(len(one.samples) == 2 for one in ratios)
        reference = {one.summary["reference"] for one in ratios}
        assert reference == {f"{int8_model.name} on native {levels[0]}"}


def test_each_level_is_what_runs(int8_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def load(*_: object, backend: str) -> str:
        seen.append((backend, os.environ[native.VARIABLE]))
        return backend

    monkeypatch.setattr(edge_runtime, "load", load)
    monkeypatch.setenv(native.VARIABLE, "before")
    engine._load(int8_model, "portable")
    assert seen == [("native", "portable")]
    assert os.environ[native.VARIABLE] == "before"
    monkeypatch.delenv(native.VARIABLE)
    engine._load(int8_model, "portable")
    assert native.VARIABLE not in os.environ


def test_a_batch_is_compared_with_litert_resized(int8_model: Path, tensors: Any) -> None:
    model = edge_runtime.load(int8_model, backend="native")
    results = list(engine.batch(int8_model, model.run, tensors, rounds=2))
    assert [(one.subject.backend, one.metric) for one in results] == [
        ("native", "batch_call"),
        ("LiteRT XNNPACK", "batch_call"),
        ("native", "batch_call_ratio"),
        ("LiteRT XNNPACK", "batch_call_ratio"),
    ]
    assert all(one.status == "measured" for one in results)
    assert results[0].summary["images"] == len(tensors)
    text = engine.report(results)
    assert "all test images in one call" in text
    assert "× native" in text


def test_a_batch_that_is_answered_otherwise_is_not_timed(int8_model: Path, tensors: Any) -> None:
    model = edge_runtime.load(int8_model, backend="native")

    def wrong(batch: Any) -> Any:
        answers = model.run(batch).copy()
        if len(answers) > 1:
            answers[7, 0] ^= 1
        return answers

    refused, peer = engine.batch(int8_model, wrong, tensors, rounds=1)
    assert (refused.subject.backend, refused.status) == ("native", "not present")
    assert "answers for a batch differ" in refused.reason
    assert peer.status == "measured"
    assert "answers for a batch differ" in engine.report([refused, peer])


def test_a_network_is_compared_on_random_tensors_and_started(int8_model: Path) -> None:
    results = list(engine.network(int8_model, rounds=1))
    levels = [f"native {level}" for level in _native.instructions() if level != "portable"]
    for metric in ("call_on_random", "call_on_random_ratio"):
        measured = [one.subject.backend for one in results if one.metric == metric]
        assert measured == [*levels, "LiteRT XNNPACK"]
    for count, metric in engine.BATCHES.items():
        sizes = [(one.subject.backend, one.summary["images"]) for one in results
                 if one.metric == metric]  # fmt: skip
        assert sizes == [("native", count), ("LiteRT XNNPACK", count)]
    assert {one.metric for one in results} >= {"cold_start", "peak_memory"}
    assert {one.subject.model for one in results} == {int8_model.name}
    assert all(one.status == "measured" for one in results)
    text = engine.report(results)
    assert "128 random tensors in one call" in text


def test_a_network_of_hidden_instructions_is_not_started(int8_model: Path) -> None:
    metrics = {one.metric for one in engine.network(int8_model, rounds=1, starts=False)}
    assert not metrics & {"cold_start", "peak_memory"}


def test_networks_are_measured_in_both_number_formats(
    int8_model: Path, float_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"int8": int8_model, "float32": float_model}
    monkeypatch.setattr(networks, "NETWORKS", {"tiny": "its layers"})
    monkeypatch.setattr(
        networks,
        "converted",
        lambda build, scheme, _: files[scheme].read_bytes() if build == "its layers" else b"",
    )
    results = list(engine.networks(rounds=1))
    names = dict.fromkeys(one.subject.model for one in results)
    assert list(names) == ["tiny_int8.tflite", "tiny_float32.tflite"]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edgekit.benchmarks.studies.engine", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_prints_tables_or_samples(int8_model: Path) -> None:
    done = run("--model", str(int8_model), "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    metrics = {one["metric"] for one in results}
    assert {
        "call_on_images",
        "call_on_random",
        "batch_call",
        "cold_start",
        "peak_memory",
    } <= metrics
    assert all(one["environment"]["CPU"] for one in results)
    starts = [one for one in results if one["metric"] == "cold_start"]
    assert [one["subject"]["backend"] for one in starts] == ["bare Python", "native", "litert"]
    assert starts[0]["summary"]["ratio"] == 1
    assert all(one["summary"]["ratio"] > 0 for one in starts)


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    for arguments in (
        ["--model", str(tmp_path / "none.tflite")],
        ["--rounds", "0"],
        ["--survey", str(tmp_path)],
        ["--survey", str(tmp_path / "none.tflite")],
    ):
        done = run(*arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert "error: " in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
