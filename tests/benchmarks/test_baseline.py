from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from edgekit.benchmarks import baseline, error
from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.result import Result
from edgekit.errors import ResultError
from edgekit.train.dataset import Dataset

RunOf = Callable[..., list[Result]]
MODELS = ["model.tflite"]


@pytest.fixture
def run_of(run_of: RunOf) -> RunOf:
    """Return the records of a model on native or on another backend."""
    return partial(run_of, backend="native")


def ours(gates: Sequence[Gate]) -> list[Gate]:
    return [one for one in gates if not one.subject.startswith("model.keras")]


def verdicts(gates: Sequence[Gate]) -> dict[str, str]:
    return {one.name.removesuffix(" against the baseline"): one.verdict for one in ours(gates)}


def test_same_figures_pass(run_of: RunOf) -> None:
    gates = baseline.compare(run_of(), run_of(), MODELS)
    assert verdicts(gates) == {
        "accuracy": "passed",
        "latency": "passed",
        "peak memory": "passed",
        "file size": "passed",
    }


@pytest.mark.parametrize(
    ("figure", "before", "within", "beyond", "name"),
    [
        ("p50", 2e-6, 2.49e-6, 2.51e-6, "latency"),
        ("memory", 40e6, 43.9e6, 44.1e6, "peak memory"),
        ("size", 46e3, 46.9e3, 47e3, "file size"),
    ],
)
def test_growth_fails_beyond_the_margin_only(
    run_of: RunOf, figure: str, before: float, within: float, beyond: float, name: str
) -> None:
    earlier = run_of(**{figure: before})
    for now, verdict in ((before / 2, "passed"), (within, "passed"), (beyond, "failed")):
        gates = baseline.compare(run_of(**{figure: now}), earlier, MODELS)
        assert verdicts(gates)[name] == verdict


def test_messages_state_the_margin(run_of: RunOf) -> None:
    gates = baseline.compare(run_of(p50=3e-6), run_of(p50=2e-6), MODELS)
    (latency,) = (one for one in ours(gates) if one.name.startswith("latency"))
    assert latency.message == "was 2.00 µs, is 3.00 µs, may grow by 25% to 2.50 µs"


def test_fewer_right_answers_fail(run_of: RunOf) -> None:
    assert verdicts(baseline.compare(run_of([1]), run_of(), MODELS))["accuracy"] == "failed"
    assert verdicts(baseline.compare(run_of(), run_of([1]), MODELS))["accuracy"] == "passed"


def test_two_images_of_2115_are_within_the_margin(run_of: RunOf, mnist: Dataset) -> None:
    earlier = run_of([1], dataset=mnist)
    two_more, three_more = (run_of(range(n), dataset=mnist) for n in (3, 4))
    assert verdicts(baseline.compare(two_more, earlier, MODELS))["accuracy"] == "passed"
    assert verdicts(baseline.compare(three_more, earlier, MODELS))["accuracy"] == "failed"


def test_other_images_and_another_machine_are_not_compared(run_of: RunOf, tiny: Dataset) -> None:
    other_images = run_of([1], dataset=replace(tiny, sha256="cd" * 32))
    assert verdicts(baseline.compare(other_images, run_of(), MODELS))["accuracy"] == "skipped"
    faster = run_of(p50=1e-7, memory=1.0, machine={"CPU": "another", "cores": "4"})
    found = verdicts(baseline.compare(run_of(), faster, MODELS))
    assert (found["latency"], found["peak memory"]) == ("skipped", "skipped")
    assert found["file size"] == "passed"


def test_model_that_ran_before_and_cannot_now_fails(run_of: RunOf, absent: Result) -> None:
    earlier = [*run_of(), *run_of(backend="edgetpu")]
    gates = baseline.compare([*run_of(), absent], earlier, MODELS)
    (failed,) = (one for one in gates if one.verdict == "failed")
    assert failed.subject == "model.tflite on edgetpu"
    assert "no libedgetpu" in failed.message


def test_what_this_run_leaves_out_is_left_out(run_of: RunOf) -> None:
    earlier = [*run_of(), *run_of(backend="edgetpu"), *run_of(model="other.tflite")]
    subjects = {one.subject for one in ours(baseline.compare(run_of(), earlier, MODELS))}
    assert subjects == {"model.tflite on native"}


def test_baseline_without_a_common_model_is_refused(run_of: RunOf) -> None:
    earlier = run_of()
    baseline.require_common(earlier, MODELS, ["native"])
    for models, backends in ((["other.tflite"], ["native"]), (MODELS, ["edgetpu"])):
        with pytest.raises(ResultError, match="none of these models"):
            baseline.require_common(earlier, models, backends)


def test_baseline_without_a_figure_is_refused(run_of: RunOf) -> None:
    for broken in ({}, {"p50": "fast"}):
        earlier = [
            replace(one, summary=broken) if one.metric == "latency" else one for one in run_of()
        ]
        with pytest.raises(ResultError, match=r"damaged: no latency of model\.tflite on native"):
            baseline.require_common(earlier, MODELS, ["native"])


@pytest.mark.parametrize("backend", ["litert", "keras"])
def test_third_parties_are_compared_and_gate_nothing(run_of: RunOf, backend: str) -> None:
    peer = backend == "keras"

    def of_others(**figures: Any) -> list[Result]:
        others = [one for one in run_of(**figures) if not one.subject.peer]
        subject = replace(others[0].subject, backend=backend, peer=peer)
        return [replace(one, subject=subject) for one in others]

    gates = baseline.compare(of_others(p50=9e-6, wrong=[1]), of_others(p50=2e-6), MODELS)
    assert {one.verdict for one in gates} == {"skipped"}
    (latency,) = (one for one in gates if one.name.startswith("latency"))
    assert latency.message.startswith("was 2.00 µs, is 9.00 µs")
    assert latency.message.endswith("(not edgekit's: compared only)")


def test_a_tolerance_takes_the_place_of_the_margin(run_of: RunOf) -> None:
    earlier = run_of(p50=2e-6, size=46e3)
    now = run_of(wrong=[1], p50=2.7e-6, size=46e3)
    assert verdicts(baseline.compare(now, earlier, MODELS))["latency"] == "failed"
    chosen = {"latency": 0.4, "accuracy": 0.1}
    found = verdicts(baseline.compare(now, earlier, MODELS, chosen))
    assert (found["latency"], found["accuracy"]) == ("passed", "passed")
    assert set(chosen) < set(baseline.TOLERANCES)


def test_numbers_may_not_explain_less(run_of: RunOf, tiny: Dataset) -> None:
    targets = np.arange(10, dtype=np.float32)[:, None]
    data = replace(tiny, y_test=targets, labels=())

    def of_numbers(noise: float) -> list[Result]:
        (first, *_) = run_of()
        measured = error.measure(first.subject, targets + noise, data)
        return [replace(measured, dataset=first.dataset)]

    earlier = of_numbers(0.1)
    same, worse = (baseline.compare(of_numbers(noise), earlier, MODELS) for noise in (0.1, 0.9))
    assert [one.verdict for one in (*same, *worse)] == ["passed", "failed"]
    assert worse[0].name == "R² against the baseline"


FIRMWARE = {
    "flash": "flash",
    "ram": "ram",
    "median": "median instructions",
    "most": "max instructions",
}


@pytest.mark.parametrize("figure", FIRMWARE)
def test_deterministic_figures_may_not_grow_at_all(firmware_of: RunOf, figure: str) -> None:
    before = {"flash": 12000, "ram": 1000, "median": 12500, "most": 12600}[figure]
    for now, verdict in ((before - 1, "passed"), (before, "passed"), (before + 1, "failed")):
        gates = baseline.compare(firmware_of(**{figure: now}), firmware_of(), MODELS)
        found = verdicts(gates)
        assert found.pop(FIRMWARE[figure]) == verdict
        assert set(found) == {"accuracy", *FIRMWARE.values()} - {FIRMWARE[figure]}
        assert set(found.values()) == {"passed"}


def test_growth_is_told_to_the_byte(firmware_of: RunOf) -> None:
    gates = baseline.compare(firmware_of(flash=12001), firmware_of(), MODELS)
    (flash,) = (one for one in gates if one.name.startswith("flash"))
    assert flash.message == "was 12,000 bytes, is 12,001, may not grow"


@pytest.mark.parametrize("tool", ["ziglang", "unicorn"])
def test_firmware_of_other_tools_is_not_compared(firmware_of: RunOf, tool: str) -> None:
    earlier = firmware_of(flash=1, ram=1, tools={"CPU": "other", "ziglang": "0.17.1"} | {tool: "0"})
    gates = baseline.compare(firmware_of(), earlier, MODELS)
    found = verdicts(gates)
    assert {found[name] for name in FIRMWARE.values()} == {"skipped"}
    assert f"with other tools: {tool} '0' there" in gates[1].message


def test_firmware_is_compared_across_machines(firmware_of: RunOf) -> None:
    other = {"CPU": "other", "ziglang": "0.17.1", "unicorn": "2.1.4"}
    gates = baseline.compare(firmware_of(flash=12001), firmware_of(tools=other), MODELS)
    assert verdicts(gates)["flash"] == "failed"


def test_instructions_on_other_images_are_not_compared(firmware_of: RunOf, tiny: Dataset) -> None:
    earlier = firmware_of(median=1, dataset=replace(tiny, sha256="cd" * 32))
    found = verdicts(baseline.compare(firmware_of(), earlier, MODELS))
    assert found["median instructions"] == found["max instructions"] == "skipped"
    assert found["flash"] == "passed"


def test_a_damaged_baseline_of_firmware_is_refused(firmware_of: RunOf) -> None:
    *others, instructions = firmware_of()
    summary = {key: value for key, value in instructions.summary.items() if key != "max"}
    damaged = [*others, replace(instructions, summary=summary)]
    with pytest.raises(ResultError, match=r"damaged: no instructions of model\.tflite"):
        baseline.require_common(damaged, MODELS, ["cortex-m4 -Os"])
