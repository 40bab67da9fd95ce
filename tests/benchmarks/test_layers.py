"""Times of layers: what is recorded, not how long anything takes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build
import several
from edge_runtime import _native
from edge_runtime.backends import litert, native
from edge_runtime.errors import BackendError, ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from edgekit.benchmarks import layers, litert_ops
from edgekit.benchmarks.result import Result
from edgekit.convert.macs import macs
from edgekit.convert.summary import summarise

GOLDEN = Path(__file__).parents[1] / "golden"
CONVOLUTIONAL = GOLDEN / "convolutional.tflite"


def measured(*paths: Path) -> list[Result]:
    return layers.run({path.name: path for path in paths}, macs, effort=layers.QUICK)


def steps(results: list[Result], backend: str = "native") -> list[dict[str, Any]]:
    return [
        dict(one.summary)
        for one in results
        if one.metric == layers.TIME and one.subject.backend == backend
    ]


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return measured(CONVOLUTIONAL)


def test_each_step_of_the_plan_has_a_record(results: list[Result]) -> None:
    planned = plan(read(CONVOLUTIONAL.read_bytes()), "litert", native.open_engine())
    records = steps(results)
    assert [one["step"] for one in records] == list(range(len(planned.steps)))
    for name, what in (("name", "op"), ("kernel", "kernel")):
        assert [one[name] for one in records] == [getattr(s, what).name for s in planned.steps]
    assert [one["level"] for one in records] == [step.level for step in planned.steps]
    assert [one["op"] for one in records] == [step.op.index for step in planned.steps]
    outputs = [planned.graph.tensors[step.op.outputs[0]].shape for step in planned.steps]
    assert [tuple(one["output"]) for one in records] == outputs


def test_the_samples_are_those_of_all_runs_and_the_summary_is_without_the_clock(
    results: list[Result],
) -> None:
    for one in results:
        if one.metric == layers.TIME and one.subject.backend == "native":
            figures = one.summary
            assert len(one.samples) == figures["runs"] >= layers.QUICK.runs[0]
            without = np.maximum(np.array(one.samples) - figures["clock"], 0)
            assert figures["median"] == pytest.approx(np.median(without), abs=1e-12)
            assert figures["min"] == pytest.approx(without.min(), abs=1e-12)
            assert figures["p90"] >= figures["median"] >= figures["min"] >= 0


def test_the_steps_together_are_about_an_inference(results: list[Result]) -> None:
    (whole,) = (
        one.summary["p50"]
        for one in results
        if one.metric == "latency" and one.subject.backend == "native"
    )
    total = sum(one["median"] for one in steps(results))
    assert whole / 20 < total < whole * 20


def test_the_multiply_accumulates_are_those_of_inspect(results: list[Result]) -> None:
    summary = summarise(CONVOLUTIONAL.read_bytes())
    assert sum(one["macs"] or 0 for one in steps(results)) == summary.macs > 0
    ours = {one["op"]: one["macs"] for one in steps(results)}
    assert ours == {index: summary.ops[index].macs for index in ours}


def test_rates_are_compared_with_the_peak_of_their_level(results: list[Result]) -> None:
    peaks = [one.summary for one in results if one.metric == layers.PEAK]
    of_int8 = {one["level"]: one["rate"] for one in peaks if one["type"] == "int8"}
    assert {*of_int8} == {level for level in _native.instructions() if level != "portable"}
    best = max(of_int8.values(), default=0)
    multiplying = [one for one in steps(results) if one["macs"]]
    assert len(multiplying) == 4
    for one in multiplying:
        assert one["type"] == "int8"
        if one["median"]:
            assert one["rate"] == pytest.approx(one["macs"] / one["median"])
            peak = of_int8.get(one["level"], best)
            assert one["share"] == (pytest.approx(one["rate"] / peak) if peak else None)
    for one in steps(results):
        if not one["macs"]:
            assert one["macs"] is one["rate"] is one["share"] is None


@pytest.mark.parametrize(
    ("expected", "arguments"),
    [
        ({"macs": 8, "rate": 4.0, "share": 0.5}, (8, 2.0, 8.0)),
        ({"macs": 8, "rate": 4.0, "share": None}, (8, 2.0, None)),
        ({"macs": 8, "rate": None, "share": None}, (8, 0.0, 8.0)),
        ({"macs": None, "rate": None, "share": None}, (None, 2.0, 8.0)),
    ],
)
def test_what_is_not_known_has_no_rate(expected: Any, arguments: Any) -> None:
    assert layers.rates(*arguments) == expected


@pytest.mark.parametrize(
    ("kinds", "macs", "expected"),
    [
        (["int8", "int8", "int32"], 5, "int8"),
        (["float32", "int8"], 5, "int8"),
        (["int16", "int8"], 5, "int16"),
        (["int32", "float32", "float32"], 5, "float32"),
        (["int8", "int32"], None, "int8"),
        (["float32"], 5, "float32"),
        ([], None, ""),
    ],
)
def test_the_type_is_that_of_the_weights(kinds: list[str], macs: int | None, expected: str) -> None:
    assert layers._type(kinds, macs) == expected


def test_litert_s_ops_are_those_of_the_file(results: list[Result]) -> None:
    if reason := litert_ops.unavailable():
        pytest.skip(reason)
    records = steps(results, "litert")
    ops = read(CONVOLUTIONAL.read_bytes()).ops
    found = [one for one in records if one["op"] is not None]
    assert [one["name"] for one in found] == [ops[one["op"]].name for one in found]
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"} <= {one["name"] for one in found}
    for one in found:
        assert one["macs"] == macs(read(CONVOLUTIONAL.read_bytes()), ops[one["op"]])
        assert 1e6 * one["median"] == pytest.approx(round(2e6 * one["median"]) / 2)


def test_models_of_several_inputs_are_measured(tmp_path: Path) -> None:
    path = tmp_path / "two.tflite"
    path.write_bytes(several.two("float32", batch=1))
    records = steps(measured(path))
    assert [one["name"] for one in records] == ["ADD", "SUB", "LOGISTIC"]


def test_a_copy_that_the_file_does_not_have_has_no_position(tmp_path: Path) -> None:
    path = tmp_path / "reshape.tflite"
    tensors = [build.tensor((1, 6), "float32"), build.tensor((1, 2, 3), "float32")]
    path.write_bytes(build.model(tensors, [("RESHAPE", [0], 1, {"newShape": [1, 2, 3]})]))
    assert [(one["name"], one["op"]) for one in steps(measured(path))] == [("COPY", None)]


def test_a_model_that_the_engine_does_not_run_has_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "odd.tflite"
    tensors = [build.tensor((1, 6), "float32"), build.tensor((1, 6), "float32")]
    path.write_bytes(build.model(tensors, [("odd", [0], 1, {})]))
    mixed = measured(CONVOLUTIONAL, path)
    (absent,) = (
        one for one in mixed if one.status != "measured" and one.subject.model == path.name
    )
    assert (absent.metric, absent.status) == (layers.TIME, "not present")
    assert "odd" in absent.reason
    assert steps(mixed)[0]["name"] == "QUANTIZE"
    with pytest.raises(ModelError, match=r"odd\.tflite: .*odd"):
        measured(path)


def test_the_instruction_set_of_the_environment_is_the_peak(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(native.VARIABLE, "portable")
    results = measured(CONVOLUTIONAL)
    assert not [one for one in results if one.metric == layers.PEAK]
    assert {one["level"] for one in steps(results)} == {"portable"}
    assert {one["share"] for one in steps(results)} == {None}


def test_without_litert_the_reason_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert, "unavailable", lambda: "not installed")
    results = measured(CONVOLUTIONAL)
    absent = {one.metric: one.reason for one in results if one.status == "not present"}
    assert absent == {"latency": "not installed", layers.TIME: "not installed"}
    assert steps(results)


def test_without_the_extension_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_extension", lambda: None)
    with pytest.raises(BackendError, match="C extension is not there"):
        measured(CONVOLUTIONAL)
