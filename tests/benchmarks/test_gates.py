from collections.abc import Callable

import pytest

from edgekit.benchmarks import gate
from edgekit.benchmarks.result import Result, Subject

RunOf = Callable[..., list[Result]]


def test_accuracy_at_the_minimum_passes(run_of: RunOf) -> None:
    (one,) = gate.accuracy(run_of(wrong=[7]), minimum=0.9)
    assert one.verdict == "passed"


def test_accuracy_below_the_minimum_names_model_backend_and_images(run_of: RunOf) -> None:
    (one,) = gate.accuracy(run_of(wrong=[2, 7]), minimum=0.9)
    assert one.verdict == "failed"
    assert str(one) == (
        "model.tflite on litert: accuracy: 0.80000 (8 of 10) is below 0.9; "
        "wrong on test images 2, 7"
    )


def test_peers_are_not_asked_for_accuracy(run_of: RunOf) -> None:
    results = [one for one in run_of() if one.subject.peer]
    assert results
    assert gate.accuracy(results, minimum=0.99) == []


def test_only_the_first_dozen_wrong_images_is_named() -> None:
    assert gate.name_images(range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
    assert gate.name_images(range(14)).endswith("10, 11 and 2 more")


def test_absent_backend_is_skipped_but_fails_where_required(absent: Result, run_of: RunOf) -> None:
    results = [*run_of(), absent]
    assert [one.verdict for one in gate.accuracy(results, 0.99)] == ["passed", "skipped"]
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
    gates = [*gate.accuracy(results, 0.99), *gate.completed(results)]
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
        "rounding litert, 5 test images and 5 random tensors, seed 1"
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
    assert found.message.endswith("the stack is not measured and not among them")


def test_firmware_is_asked_for_the_bytes_of_the_engine(firmware_of: RunOf) -> None:
    (found,) = gate.exact(firmware_of(), "difference_to_native")
    assert found.verdict == "passed"
    assert "differ from the engine native" in found.message
    assert gate.exact(firmware_of()) == []
