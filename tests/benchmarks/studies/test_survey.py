"""The survey of many models: one line each, whatever they have as inputs, and the slowest first."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import build
from edgekit.benchmarks.result import Result, Subject
from edgekit.benchmarks.studies import calls, survey
from edgekit.errors import EdgekitError


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder: two inputs and outputs of two types, one that counts; a model that is none."""
    tensors = [
        build.tensor((1, 6), "int8", 0.1, 3),
        build.tensor((1, 6), "float32"),
        build.tensor((1, 6), "int32"),
        build.tensor((1, 6), "float32"),
        build.tensor((1, 6), "int32"),
    ]
    ops = [("DEQUANTIZE", [0], 3, {}), ("ADD", [2, 2], 4, {}), ("ADD", [1, 1], 5, {})]
    tensors.append(build.tensor((1, 6), "float32"))
    data = build.model(tensors, ops, inputs=[0, 1, 2], outputs=[3, 4, 5])
    (tmp_path / "several.tflite").write_bytes(data)
    (tmp_path / "broken.tflite").write_bytes(b"none")
    (tmp_path / "notes.txt").write_text("not looked at")
    return tmp_path


def test_files_and_folders_are_found(models: Path) -> None:
    broken, several = (models / f"{name}.tflite" for name in ("broken", "several"))
    assert survey.tflite_files([models]) == [broken, several]
    assert survey.tflite_files([several, models]) == [several, broken, several]
    (models / "empty").mkdir()
    with pytest.raises(EdgekitError, match=r"no \.tflite files in .*empty"):
        survey.tflite_files([models / "empty"])


def test_each_has_both_times_and_a_ratio_or_a_reason(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "BLOCK_SECONDS", 1e-5)
    results = list(survey.measure(survey.tflite_files([models]), rounds=1))
    broken, *several = results
    assert (broken.status, broken.subject.model) == ("not present", "broken.tflite")
    assert broken.reason
    assert [(one.subject.backend, one.metric) for one in several] == [
        ("native", "call_on_random"),
        ("LiteRT XNNPACK", "call_on_random"),
        ("LiteRT XNNPACK", "call_on_random_ratio"),
    ]
    assert several[2].summary["ops"] == "ADD ×2, DEQUANTIZE"
    ratio = several[1].summary["p50"] / several[0].summary["p50"]
    assert several[2].summary["median"] == pytest.approx(ratio)
    assert "not present: broken.tflite on native: " in survey.report(results)


def test_a_file_that_ends_the_process_has_a_reason(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "compare", lambda *_: os.abort())
    (result,) = survey.measure([models / "several.tflite"], rounds=1)
    assert (result.status, result.subject.model) == ("failed", "several.tflite")
    assert result.reason == "the process ended with exit code -6"


def test_the_slowest_comes_first_and_slower_ones_are_counted() -> None:
    results = []
    for name, ratio in (("a", 2.0), ("b", 0.5), ("c", 1.0)):
        ours = Subject(name, "digest", survey.OURS)
        peer = replace(ours, backend=survey.PEER, peer=True)
        for subject, seconds in ((ours, 1e-6), (peer, ratio * 1e-6)):
            results.append(Result(subject, survey.METRIC, "s", (seconds,), {"p50": seconds}))
        summary = {"median": ratio, "ops": "ADD"}
        results.append(Result(peer, survey.RATIO, "1", (ratio,), summary))
    *_, first, second, third, _, last = survey.report(results).splitlines()
    assert first.split() == ["0.50", "×", "1.00", "µs", "500", "ns", "b", "ADD"]
    assert [line.split()[-2] for line in (second, third)] == ["c", "a"]
    assert last == "1 of 3 are slower than with XNNPACK"


def test_the_command_prints_lines_or_samples(models: Path) -> None:
    command = [sys.executable, "-m", "edgekit.benchmarks.studies.engine", "--rounds", "1"]
    done = subprocess.run(
        [*command, "--survey", str(models), "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert {one["status"] for one in results} == {"measured", "not present"}
    assert all(one["environment"]["CPU"] for one in results)
