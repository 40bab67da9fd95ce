from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edgekit.benchmarks import error, gate, parity
from edgekit.benchmarks.result import Result, Subject
from edgekit.scoring import paired_interval
from edgekit.train.dataset import Dataset

RunOf = Callable[..., list[Result]]


def test_accuracy_at_the_minimum_passes(run_of: RunOf) -> None:
    (one,) = gate.answers(run_of(wrong=[7]), minimum=0.9)
    assert one.verdict == "passed"


def test_accuracy_below_the_minimum_names_model_backend_and_images(run_of: RunOf) -> None:
    (one,) = gate.answers(run_of(wrong=[2, 7]), minimum=0.9)
    assert one.verdict == "failed"
    assert str(one) == (
        "model.tflite on litert: accuracy: 0.80000 (8 of 10) is below 0.9; "
        "wrong on test inputs 2, 7"
    )


def test_peers_are_not_asked_for_accuracy(run_of: RunOf) -> None:
    results = [one for one in run_of() if one.subject.peer]
    assert results
    assert gate.answers(results, minimum=0.99) == []


def test_only_the_first_dozen_wrong_images_is_named() -> None:
    assert gate.name_images(range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
    assert gate.name_images(range(14)).endswith("10, 11 and 2 more")


def test_absent_backend_is_skipped_but_fails_where_required(absent: Result, run_of: RunOf) -> None:
    results = [*run_of(), absent]
    assert [one.verdict for one in gate.answers(results, 0.99)] == ["passed", "skipped"]
    assert gate.runs(results, ["model.tflite"]) == []
    required = gate.required(results, ["litert", "edgetpu"])
    assert [one.verdict for one in required] == ["passed", "failed"]
    assert "no libedgetpu" in required[1].message
    assert not gate.passed(required)


def test_model_that_no_backend_ran_fails(absent: Result) -> None:
    (one,) = gate.runs([absent], ["model.tflite"])
    assert (one.subject, one.verdict) == ("model.tflite", "failed")
    assert "no libedgetpu" in one.message


def test_model_that_only_misses_its_edgetpu_is_skipped(absent: Result) -> None:
    subject = Subject("model.tflite", "", "litert")
    rejected = Result(subject, "accuracy", "class", status="not present", reason="for the TPU")
    (one,) = gate.runs([absent, rejected], ["model.tflite"], {"model.tflite"})
    assert (one.subject, one.verdict) == ("model.tflite", "skipped")
    assert "no libedgetpu" in one.message


def test_model_that_its_edgetpu_refuses_fails() -> None:
    results = [
        Result(Subject("model.tflite", "", backend), "accuracy", "class", status="not present")
        for backend in ("edgetpu", "litert")
    ]
    (one,) = gate.runs(results, ["model.tflite"], {"model.tflite"})
    assert one.verdict == "failed"


@pytest.mark.parametrize("metric", ["accuracy", "cold_start"])
def test_measurement_tried_in_vain_fails(metric: str) -> None:
    subject = Subject("model.tflite", "", "litert")
    results = [Result(subject, metric, "s", status="failed", reason="it crashed")]
    gates = [*gate.answers(results, 0.99), *gate.completed(results)]
    assert [one.verdict for one in gates] == ["failed"]
    assert "it crashed" in gates[0].message


def difference(differ: int, *, integer: bool = True, status: str = "measured") -> Result:
    part = {"tensors": 5, "elements": 10, "differ": 0, "largest": 0}
    summary = {
        "reference": "LiteRT BUILTIN_REF",
        "rounding": "litert",
        "integer": integer,
        "seed": 1,
        "images": part,
        "random": part | {"differ": differ, "largest": 2 if differ else 0},
    }
    subject = Subject("model.tflite", "", "native")
    return Result(subject, "difference_to_builtin_ref", "steps", (), summary, status=status)


def test_equal_bytes_pass_and_a_single_other_one_fails() -> None:
    (same,) = gate.exact([difference(0)])
    assert str(same) == (
        "model.tflite on native: exact: 0 of 20 output elements differ from LiteRT BUILTIN_REF; "
        "rounding litert, 5 test inputs and 5 random tensors, seed 1"
    )
    (other,) = gate.exact([difference(1)])
    assert (same.verdict, other.verdict) == ("passed", "failed")
    assert "1 of 20 output elements differ from LiteRT BUILTIN_REF by at most 2 steps" in str(other)


def test_floats_and_what_was_not_compared_are_not_asked_for_equal_bytes() -> None:
    assert gate.exact([difference(9, integer=False)]) == []
    assert gate.exact([difference(0, status="not present")]) == []


@pytest.mark.parametrize(
    ("metric", "figure", "limit", "verdict", "says"),
    [
        ("flash", "total", 12000, "passed", "12,000 bytes of 12,000, 0 left"),
        ("flash", "total", 11999, "failed", "12,000 bytes of 11,999, over by 1"),
        ("ram", "total", 2048, "passed", "1,000 bytes of 2,048, 1,048 left"),
        ("ram", "total", 512, "failed", "1,000 bytes of 512, over by 488"),
        ("instructions", "max", 12600, "passed", "12,600 instructions of 12,600, 0 left"),
        ("instructions", "max", 12599, "failed", "12,600 instructions of 12,599, over by 1"),
    ],
)
def test_a_budget_says_what_is_over_and_by_how_much(
    firmware_of: RunOf, metric: str, figure: str, limit: int, verdict: str, says: str
) -> None:
    (found,) = gate.budget(firmware_of(), metric, figure, limit)
    assert (found.name, found.verdict, found.message) == (metric, verdict, says)
    assert found.subject == "model.tflite on cortex-m4 -Os"


def test_a_stack_that_is_not_measured_is_said(firmware_of: RunOf) -> None:
    (found,) = gate.budget(firmware_of(stack=None), "ram", "total", 2048)
    assert found.message.endswith("without the stack, which is not measured")


def test_firmware_is_asked_for_the_bytes_of_the_engine(firmware_of: RunOf) -> None:
    (found,) = gate.exact(firmware_of(), "difference_to_native")
    assert found.verdict == "passed"
    assert "differ from the engine native" in found.message
    assert gate.exact(firmware_of()) == []


def test_models_of_the_study_keep_their_minimum_and_others_are_compared(run_of: RunOf) -> None:
    results = run_of(wrong=[2])
    (study,) = gate.answers(results, study={"model.tflite"})
    assert (study.name, study.verdict, study.limit) == ("accuracy", "failed", 0.99)
    (other,) = gate.answers(results)
    assert (other.name, other.verdict, other.limit) == ("accuracy drop", "failed", 0.01)
    assert other.message == (
        "0.90000, the Keras model has 1.00000: a drop of 0.10000 "
        "(95 % interval -0.18943 to 0.40415), 0.01 is allowed"
    )
    (allowed,) = gate.answers(results, drop=0.1)
    assert allowed.verdict == "passed"
    both = gate.answers(results, minimum=0.9, drop=0.05)
    assert [(one.name, one.verdict) for one in both] == [
        ("accuracy", "passed"),
        ("accuracy drop", "failed"),
    ]


def test_without_a_keras_model_the_gate_is_skipped_and_says_what_to_give(run_of: RunOf) -> None:
    results = [one for one in run_of(wrong=[2]) if not one.subject.peer]
    reason = "it does not say which Keras model it comes from"
    results = [
        replace(one, status="not present", reason=reason) if one.metric == "agreement" else one
        for one in results
    ]
    (one,) = gate.answers(results)
    assert (one.subject, one.verdict) == ("model.tflite", "skipped")
    assert one.message == (
        f"nothing to compare with: {reason}: give --keras FILE, or --min-accuracy"
    )


def of_numbers(outputs: list[float], targets: list[float], tiny: Dataset) -> list[Result]:
    """Our answers, and those of a Keras model that is right."""
    truth = np.array(targets, np.float32)[:, None]
    data = replace(tiny, y_test=truth, labels=())
    native = Subject("model.tflite", "", "native")
    keras = Subject("model.keras", "", "keras", peer=True)
    scores = np.array(outputs, np.float32)[:, None]
    return [
        error.measure(native, scores, data),
        error.measure(keras, truth, data),
        parity.compare(native, scores, keras, truth, classes=False),
    ]


def test_numbers_may_lose_little_of_r2(tiny: Dataset) -> None:
    for outputs, verdict in (([0, 1, 2, 3.1], "passed"), ([0, 1, 2, 4], "failed")):
        (one,) = gate.answers(of_numbers(outputs, [0, 1, 2, 3], tiny))
        assert (one.name, one.verdict) == ("R² drop", verdict)
    assert one.message == (
        "R² 0.80000, the Keras model has 1.00000: a drop of 0.20000, 0.01 is allowed; "
        "RMSE 0.5 and MAE 0.25, the Keras model has 0 and 0"
    )
    (flat,) = gate.answers(of_numbers([1, 1.1], [1, 1], tiny))
    assert flat.verdict == "skipped"
    assert "there is no R²" in flat.message


def test_a_small_target_is_not_hidden_by_a_large_one(tiny: Dataset) -> None:
    truth = np.array([[0, 0], [1, 1000], [2, 3000], [3, 2000]], np.float32)
    outputs = truth.copy()
    outputs[:, 0] = 1.5
    data = replace(tiny, y_test=truth, labels=())
    native, keras = (
        Subject("model.tflite", "", "native"),
        Subject("model.keras", "", "keras", peer=True),
    )
    (one,) = gate.answers(
        [
            error.measure(native, outputs, data),
            error.measure(keras, truth, data),
            parity.compare(native, outputs, keras, truth, classes=False),
        ]
    )
    assert (one.name, one.verdict) == ("R² drop", "failed")
    assert one.message.startswith(
        "target 0: R² 0.00000, the Keras model has 1.00000: a drop of 1.0"
    )


def test_only_our_engines_are_held_to_a_latency(run_of: RunOf) -> None:
    for backend, count in (("native", 1), ("edgetpu", 1), ("litert", 0), ("reference", 0)):
        gates = gate.latency(run_of(backend=backend, p50=2e-6), 1e-6)
        assert [one.verdict for one in gates] == ["failed"] * count
    (one,) = gate.latency(run_of(backend="native", p50=2e-6), 2e-6)
    assert (one.verdict, one.message) == ("passed", "p50 is 2.00 µs of 2.00 µs")


@pytest.mark.parametrize(
    ("table", "interval"),
    [
        # Newcombe (1998); Fagerland, Lydersen, Laake: Statistical Analysis of Contingency Tables.
        ((36, 12, 2, 0), (0.0569, 0.3404)),
        ((1, 1, 7, 12), (-0.507, -0.026)),
    ],
)
def test_paired_interval_gives_published_ones(
    table: tuple[int, int, int, int], interval: tuple[float, float]
) -> None:
    assert paired_interval(*table) == pytest.approx(interval, abs=5e-4)
