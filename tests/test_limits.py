"""Limits of metrics: at least, at most, and a drop."""

from typing import Any

import pytest

from edgekit.limits import Limits, bounds, drop, reported


@pytest.mark.parametrize(
    ("limits", "verdict", "message"),
    [
        (Limits(least={"auc": 0.9}), "passed", "0.9 is at least 0.9"),
        (Limits(least={"auc": 0.91}), "failed", "0.9 is below 0.91"),
        (Limits(most={"mae": 0.5}), "passed", "0.5 is at most 0.5"),
        (Limits(most={"mae": 0.4}), "failed", "0.5 is above 0.4"),
        (Limits(least={"r2": 0.1}), "failed", "it is not measured: there are auc, mae"),
    ],
)
def test_bounds(limits: Limits, verdict: str, message: str) -> None:
    (check,) = bounds(limits, {"auc": 0.9, "mae": 0.5, "r2": None})
    assert (check.verdict, check.message) == (verdict, message)


def test_what_was_not_measured_fails_and_says_why() -> None:
    limits = Limits(least={"f1": 0.5})
    assert [one.message for one in bounds(limits, {}, "no data")] == ["it is not measured: no data"]
    assert "the data have no truth" in bounds(limits, {})[0].message
    assert limits
    assert not Limits()
    assert Limits(drop=0.0)


@pytest.mark.parametrize(
    ("task", "metrics", "verdict"),
    [
        ("classify", {"accuracy": 0.9, "auc": 0.1}, "passed"),
        ("binary", {"accuracy": 0.88, "auc": 1.0}, "failed"),
        ("anomaly", {"accuracy": 0.1, "auc": 0.9}, "passed"),
        ("multilabel", {"f1": 0.88, "accuracy": 1.0}, "failed"),
        ("regress", {"r2": None}, "skipped"),
        ("", {"accuracy": 0.95}, "passed"),
    ],
)
def test_the_main_metric_of_a_task_may_drop(
    task: str, metrics: dict[str, Any], verdict: str
) -> None:
    reference = dict.fromkeys(("accuracy", "auc", "f1", "r2"), 0.91)
    check = drop(task, metrics, reference, 0.01, "that one")
    assert check.verdict == verdict
    assert "that one" in check.message


def test_a_drop_by_exactly_as_much_is_allowed() -> None:
    assert drop("", {"accuracy": 0.3}, {"accuracy": 0.4}, 0.1).verdict == "passed"
    assert drop("", {"accuracy": 0.2999}, {"accuracy": 0.4}, 0.1).verdict == "failed"


def test_the_metrics_of_a_report_of_any_version() -> None:
    earlier = {"accuracy": {"after": {"accuracy": 0.5}}, "numbers": None}
    assert reported(earlier, "after") == {"accuracy": 0.5}
    numbers = {"accuracy": None, "numbers": {"after": {"mae": 1.0, "r2": None}}}
    assert reported(numbers, "after") == {"mae": 1.0, "r2": None}
    unusual = {"anomalies": {"after": {"metrics": {"auc": 1.0}}}, "labels": None}
    assert reported(unusual, "after") == {"auc": 1.0}


def test_of_several_targets_the_one_that_lost_most_is_held_to_the_limit() -> None:
    ours, theirs = {"r2": 0.99}, {"r2": 0.991}
    pairs = [("strain", -0.01, 0.95), ("flat", None, None), ("load", 0.99, 0.99)]
    check = drop("regress", ours, theirs, 0.01, targets=pairs)
    assert (check.name, check.verdict) == ("R² drop", "failed")
    assert check.message.startswith("target strain: -0.01000, the Keras model has 0.95000: a drop ")
    even = drop("regress", ours, theirs, 0.01, targets=[("a", 0.99, 0.99), ("b", 0.98, 0.98)])
    assert (even.verdict, even.message[:7]) == ("passed", "0.99000")
