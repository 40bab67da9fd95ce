"""Limits that a model's metrics must keep: at least, at most, and at most a drop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from edge_runtime.meaning import ANOMALY, MULTILABEL, REGRESS

Verdict = Literal["passed", "failed", "skipped"]
MARKS = {"passed": "✓", "failed": "✗", "skipped": "–"}

LEAST = {
    "accuracy": "accuracy",
    "f1": "macro F1",
    "precision": "precision",
    "recall": "recall",
    "auc": "AUC",
    "r2": "R²",
}
"""Metrics of which more is better, and what reports call them. Precision and recall are those of
the class that has the least; of several labels accuracy is the share of inputs of which every label
is right, and the AUC the mean of all labels' AUC."""

MOST = {"mae": "MAE", "rmse": "RMSE"}
"""Metrics of which less is better."""

TITLES = LEAST | MOST

MAIN = {MULTILABEL: "f1", REGRESS: "r2", ANOMALY: "auc"}
"""Task -> the metric that may drop by so much; that of all others is the accuracy."""

REBUILT = "r2"
"""The metric of an anomaly detector where no anomalies are known: of what it rebuilds."""

Target = tuple[str, float | None, float | None]
"""Name of one of several targets, its R², and that of the model that is compared with; None where
all values of the target are the same."""

ROUNDING = 1e-9
"""What a drop may be more than allowed: floats are rounded; one input of ten thousand is 1e-4."""


@dataclass(frozen=True)
class Limits:
    """The limits of a run.

    Attributes:
        least: least values by metric, of LEAST.
        most: largest values by metric, of MOST.
        drop: most that the task's main metric may be below that of the model that is compared
            with; None for no limit.
    """

    least: Mapping[str, float] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    drop: float | None = None

    def __bool__(self) -> bool:
        """Tell whether there is any limit."""
        return bool(self.least or self.most or self.drop is not None)


@dataclass(frozen=True)
class Recorded:
    """What the report of a conversion says of the model that was converted.

    Attributes:
        metrics: values by metric; empty without a report.
        data: digest of the data that they were measured on.
        inputs: number of test inputs.
        targets: R² of each of several targets, by name.
    """

    metrics: Mapping[str, float | None] = field(default_factory=dict)
    data: str = ""
    inputs: int = 0
    targets: Mapping[str, float | None] = field(default_factory=dict)


NO_REPORT = Recorded()


@dataclass(frozen=True)
class Check:
    """A limit and whether it is kept.

    Attributes:
        name: what reports call the metric, or its drop.
        verdict: "skipped" if there was nothing to compare with.
        message: one sentence for people.
        limit: the limit.
    """

    name: str
    verdict: Verdict
    message: str
    limit: float


def bounds(limits: Limits, metrics: Mapping[str, float | None], why: str = "") -> list[Check]:
    """Check the least and the largest values.

    Args:
        limits: the limits.
        metrics: values by metric; what is missing or None was not measured, and fails.
        why: why nothing was measured, if so.
    """
    checks = []
    for options, better in ((limits.least, 1), (limits.most, -1)):
        for metric, limit in options.items():
            value = metrics.get(metric)
            if value is None:
                message = f"it is not measured: {why or _measured_instead(metrics)}"
                checks.append(Check(TITLES[metric], "failed", message, limit))
                continue
            keeps = better * (value - limit) >= 0
            relation = "at least" if better > 0 else "at most"
            beyond = "below" if better > 0 else "above"
            message = f"{value:.5g} is {relation if keeps else beyond} {limit:g}"
            verdict: Verdict = "passed" if keeps else "failed"
            checks.append(Check(TITLES[metric], verdict, message, limit))
    return checks


def drop(
    task: str,
    metrics: Mapping[str, float | None],
    reference: Mapping[str, float | None],
    most: float,
    what: str = "the Keras model",
    targets: Sequence[Target] = (),
) -> Check:
    """Check by how much the main metric of ``task`` is below that of ``reference``.

    Args:
        task: one of ``edge_runtime.meaning.TASKS``.
        metrics: values by metric.
        reference: those of the model that is compared with.
        most: most that the metric may be below that one.
        what: what that model is called.
        targets: R² of each of several targets, of which one may count; see ``that_counts``.
    """
    metric = main_metric(task, metrics)
    ours, theirs, title = metrics.get(metric), reference.get(metric), TITLES[metric]
    name = f"{title} drop"
    if ours is None or theirs is None:
        message = f"there is no {title}: nothing to compare with {what}"
        return Check(name, "skipped", message, most)
    ours, theirs, of = that_counts(ours, theirs, targets)
    lost = theirs - ours
    message = f"{of}{ours:.5f}, {what} has {theirs:.5f}: a drop of {lost:.5f}, {most:g} is allowed"
    return Check(name, "passed" if lost <= most + ROUNDING else "failed", message, most)


def main_metric(task: str, metrics: Mapping[str, float | None]) -> str:
    """Return the metric of a task that may drop by so much.

    Args:
        task: one of ``edge_runtime.meaning.TASKS``.
        metrics: values by metric of the model.
    """
    if task == ANOMALY and metrics.get("auc") is None:
        return REBUILT
    return MAIN.get(task, "accuracy")


def that_counts(ours: float, theirs: float, targets: Sequence[Target]) -> tuple[float, float, str]:
    """Return the values that a drop is judged by: a target's where it drops more than all together.

    Targets with large numbers hide those with small ones in the R² of all.

    Args:
        ours: R² of all targets, or another metric where there are no targets.
        theirs: that of the model that is compared with.
        targets: each of several targets.

    Returns:
        Both values, and whose they are as the beginning of a sentence; "" for all together.
    """
    if (worst := most_lost(targets)) and worst[2] - worst[1] > theirs - ours:
        return worst[1], worst[2], f"target {worst[0]}: "
    return ours, theirs, ""


def most_lost(targets: Sequence[Target]) -> tuple[str, float, float] | None:
    """Return the name of the target whose R² drops most, its R² and that of the other model."""
    known = [
        (name, ours, theirs)
        for name, ours, theirs in targets
        if ours is not None and theirs is not None
    ]
    return max(known, key=lambda one: one[2] - one[1], default=None)


def reported_targets(report: Mapping[str, Any]) -> list[Target]:
    """Return the R² after and before of each of several targets in the report of a conversion."""
    numbers = report.get("numbers") or {}
    return [
        (one["name"], one["after"]["r2"], one["before"]["r2"]) for one in numbers.get("targets", ())
    ]


def reported(report: Mapping[str, Any], when: str) -> dict[str, float | None]:
    """Return the metrics in the report of a conversion.

    Args:
        report: the report of a conversion, of this version or an earlier one.
        when: "before" or "after".
    """
    found: dict[str, float | None] = {}
    if report.get("numbers") and (errors := report["numbers"][when]):
        found |= errors
    if accuracy := report.get("accuracy"):
        found |= accuracy[when].get("metrics") or {"accuracy": accuracy[when]["accuracy"]}
    if several := report.get("labels"):
        found |= several[when]["metrics"]
    if unusual := report.get("anomalies"):
        found |= unusual[when]["metrics"]
    return found


def reported_inputs(report: Mapping[str, Any]) -> int:
    """Return the number of test inputs that a conversion's report has metrics of."""
    parts = (report.get(name) for name in ("accuracy", "labels", "anomalies"))
    totals = [part["before"].get("total") for part in parts if part]
    totals += [part["total"] for part in (report.get("numbers"),) if part]
    return int(next((total for total in totals if total), 0))


def _measured_instead(metrics: Mapping[str, float | None]) -> str:
    names = [name for name, value in metrics.items() if value is not None]
    return f"there are {', '.join(names)}" if names else "the data have no truth"
