"""Comparison with an earlier run: how much worse a figure may be before it is a regression."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.result import Result, select
from edgekit.benchmarks.units import quantity, share
from edgekit.errors import ResultError

Key = tuple[str, str, str]
"""Metric, model, backend: what makes two runs' results comparable."""

MACHINE = ("CPU", "cores", "OS", "Python")
"""Facts of the environment that must agree before speed and memory can be compared."""


@dataclass(frozen=True)
class Margin:
    """How much worse a figure may be than the baseline's.

    Attributes:
        metric: the result's metric.
        figure: the key in the result's summary.
        noise: tolerated change, as a share of the baseline's figure.
        same_machine: whether the figure can only be compared on one machine.
    """

    metric: str
    figure: str
    noise: float
    same_machine: bool


ACCURACY_NOISE = 0.001
"""Accuracy may fall by this much: 2 images of 2115, what another CPU's rounding can flip."""

MARGINS = (
    # A shared machine shifts the median of microseconds by a tenth from run to run.
    Margin("latency", "p50", 0.25, same_machine=True),
    Margin("peak_memory", "median", 0.10, same_machine=True),
    # Deterministic but for the metadata's version strings.
    Margin("file_size", "median", 0.02, same_machine=False),
)


def require_common(
    earlier: Iterable[Result], models: Sequence[str], backends: Sequence[str]
) -> None:
    """Make sure that there will be something to compare, before anything is measured.

    Raises:
        ResultError: the earlier run has none of the models on any of the backends, or lacks a
            figure.
    """
    before = _measured(earlier)
    if not any(model in models and backend in backends for _, model, backend in before):
        raise ResultError("the baseline has none of these models on any of these backends")
    figures = {"accuracy": "accuracy"} | {margin.metric: margin.figure for margin in MARGINS}
    for (metric, model, backend), result in before.items():
        if metric in figures and not isinstance(result.summary.get(figures[metric]), int | float):
            raise ResultError(f"the baseline is damaged: no {metric} of {model} on {backend}")


def compare(
    results: Sequence[Result], earlier: Iterable[Result], models: Sequence[str]
) -> list[Gate]:
    """Hold our results against the earlier run's of the same models and backends.

    Args:
        results: of this run.
        earlier: of the baseline.
        models: what this run was to measure; one that it tried in vain, and that the earlier run
            measured, fails.
    """
    now, before = _measured(results), _measured(earlier)
    gates = []
    for key, theirs in before.items():
        metric, model, backend = key
        if model not in models:
            continue
        if key not in now:
            if metric == "accuracy" and (reason := _reason(results, model, backend)):
                message = f"measured in the baseline, but now {reason}"
                gates.append(Gate(_name(metric), str(theirs.subject), "failed", message))
        elif metric == "accuracy":
            gates.append(_accuracy(now[key], theirs))
        else:
            gates += [_grown(now[key], theirs, one) for one in MARGINS if one.metric == metric]
    return gates


def _key(result: Result) -> Key:
    return result.metric, result.subject.model, result.subject.backend


def _measured(results: Iterable[Result]) -> dict[Key, Result]:
    return {
        _key(result): result
        for result in results
        if result.status == "measured" and not result.subject.peer
    }


def _reason(results: Iterable[Result], model: str, backend: str) -> str:
    """Return why ``model`` was not measured on ``backend``; "" when that was not tried."""
    for subject, result in select(results, "accuracy").items():
        if subject.backend == backend and subject.model in (model, ""):
            return f"{result.status}: {result.reason}"
    return ""


def _accuracy(ours: Result, theirs: Result) -> Gate:
    name = _name("accuracy")
    if ours.dataset.get("sha256") != theirs.dataset.get("sha256"):
        return Gate(name, str(ours.subject), "skipped", "the baseline has other test images")
    now, before = ours.summary["accuracy"], theirs.summary["accuracy"]
    worst = before - ACCURACY_NOISE
    message = (
        f"was {share(before)}, is {share(now)}, may fall by {share(ACCURACY_NOISE)} "
        f"to {share(worst)}"
    )
    return Gate(name, str(ours.subject), "passed" if now >= worst else "failed", message)


def _grown(ours: Result, theirs: Result, margin: Margin) -> Gate:
    name = _name(margin.metric)
    if margin.same_machine:
        for fact in MACHINE:
            here, there = ours.environment.get(fact, ""), theirs.environment.get(fact, "")
            if here != there:
                message = f"measured on another machine: {fact} {there!r} there, {here!r} here"
                return Gate(name, str(ours.subject), "skipped", message)
    now, before = ours.summary[margin.figure], theirs.summary[margin.figure]
    worst = before * (1 + margin.noise)
    message = (
        f"was {quantity(before, ours.unit)}, is {quantity(now, ours.unit)}, "
        f"may grow by {margin.noise:.0%} to {quantity(worst, ours.unit)}"
    )
    return Gate(name, str(ours.subject), "passed" if now <= worst else "failed", message)


def _name(metric: str) -> str:
    return f"{metric.replace('_', ' ')} against the baseline"
