"""The study of threads: what it measures, prints and refuses."""

import json
import subprocess
import sys

import pytest

import golden
from edgekit.benchmarks.studies import networks, threads

MODEL = golden.INT8


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edgekit.benchmarks.studies.threads", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_both_are_measured_and_compared() -> None:
    results = list(threads.measure(MODEL, threads=2, rounds=2))
    assert [(one.subject.backend[-1], one.metric) for one in results] == [
        ("1", "call"),
        ("2", "call"),
        ("2", "call_speed_up"),
        ("1", "batch_call"),
        ("2", "batch_call"),
        ("2", "batch_call_speed_up"),
    ]
    one, other, speed_up = results[:3]
    assert speed_up.summary["reference"] == str(other.subject)
    ratio = one.summary["p50"] / other.summary["p50"]
    assert speed_up.summary["median"] == pytest.approx(ratio, rel=0.5)


def test_networks_are_measured_in_both_number_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"int8": golden.INT8, "float32": golden.FLOAT}
    monkeypatch.setattr(networks, "NETWORKS", {"tiny": None})
    monkeypatch.setattr(networks, "converted", lambda _, scheme, __: made[scheme].read_bytes())
    names = dict.fromkeys(one.subject.model for one in threads.networks(2, rounds=1))
    assert list(names) == ["tiny_int8.tflite", "tiny_float32.tflite"]


def test_the_command_prints_tables_or_samples() -> None:
    done = run("--model", str(MODEL), "--rounds", "1", "--threads", "3")
    assert done.returncode == 0, done.stderr
    assert "digits_int8.tflite: one random tensor per call" in done.stdout
    assert "native, threads: 3" in done.stdout
    assert "× as fast" in done.stdout
    done = run("--model", str(MODEL), "--rounds", "1", "--json")
    results = json.loads(done.stdout)
    assert len(results) == 6
    assert all(one["environment"]["CPU"] and one["samples"] for one in results)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--model", "none.tflite"],
        ["--model", str(MODEL), "--rounds", "0"],
        ["--model", str(MODEL), "--threads", "1"],
        ["--model", str(MODEL), "--threads", "65"],
    ],
)
def test_the_command_names_what_is_wrong(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: " in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
