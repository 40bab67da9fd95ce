"""Comparison with an earlier run: how much worse a figure may be before it is a regression."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.result import Result, select
from edgekit.benchmarks.units import quantity, share, whole
from edgekit.errors import ResultError

Key = tuple[str, str, str]
"""Metric, model, backend: what makes two runs' results comparable."""

MACHINE = ("CPU", "cores", "OS", "Python")
"""Facts of the environment that must agree before speed and memory can be compared."""

TOOLS = ("ziglang", "avr-gcc", "unicorn")
"""Those that must agree before firmware can be compared."""


@dataclass(frozen=True)
class Margin:
    """How much worse a figure may be than the baseline's.

    Attributes:
        metric: the result's metric.
        figure: the key in the result's summary.
        noise: tolerated change, as a share of the baseline's figure; 0 for what is deterministic.
        facts: of the environment that must agree before the figure can be compared.
        same_images: whether the test images must be the same ones.
    """

    metric: str
    figure: str
    noise: float
    facts: tuple[str, ...] = ()
    same_images: bool = False

    @property
    def name(self) -> str:
        """What the gate calls the figure."""
        figure = f"{self.figure} " if self.metric == "instructions" else ""
        return _name(figure + self.metric)


ACCURACY_NOISE = 0.001
"""Accuracy may fall by this much: 2 images of 2115, what another CPU's rounding can flip."""

OTHER_IMAGES = "the baseline has other test images"

MARGINS = (
    # A shared machine shifts the median of microseconds by a tenth from run to run.
    Margin("latency", "p50", 0.25, facts=MACHINE),
    Margin("peak_memory", "median", 0.10, facts=MACHINE),
    # Deterministic but for the metadata's version strings.
    Margin("file_size", "median", 0.02),
    Margin("flash", "total", 0, facts=TOOLS),
    Margin("ram", "total", 0, facts=TOOLS),
    Margin("instructions", "median", 0, facts=TOOLS, same_images=True),
    Margin("instructions", "max", 0, facts=TOOLS, same_images=True),
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
    figures = [("accuracy", "accuracy"), *((one.metric, one.figure) for one in MARGINS)]
    for (metric, model, backend), result in before.items():
        needed = [figure for of, figure in figures if of == metric]
        if not all(isinstance(result.summary.get(figure), int | float) for figure in needed):
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
    if not _same_images(ours, theirs):
        return Gate(name, str(ours.subject), "skipped", OTHER_IMAGES)
    now, before = ours.summary["accuracy"], theirs.summary["accuracy"]
    worst = before - ACCURACY_NOISE
    message = (
        f"was {share(before)}, is {share(now)}, may fall by {share(ACCURACY_NOISE)} "
        f"to {share(worst)}"
    )
    return Gate(name, str(ours.subject), "passed" if now >= worst else "failed", message)


def _grown(ours: Result, theirs: Result, margin: Margin) -> Gate:
    name = margin.name
    for fact in margin.facts:
        here, there = ours.environment.get(fact, ""), theirs.environment.get(fact, "")
        if here != there:
            other = "on another machine" if margin.facts == MACHINE else "with other tools"
            message = f"measured {other}: {fact} {there!r} there, {here!r} here"
            return Gate(name, str(ours.subject), "skipped", message)
    if margin.same_images and not _same_images(ours, theirs):
        return Gate(name, str(ours.subject), "skipped", OTHER_IMAGES)
    now, before = ours.summary[margin.figure], theirs.summary[margin.figure]
    worst = before * (1 + margin.noise)
    if margin.noise:
        message = (
            f"was {quantity(before, ours.unit)}, is {quantity(now, ours.unit)}, "
            f"may grow by {margin.noise:.0%} to {quantity(worst, ours.unit)}"
        )
    else:
        message = f"was {whole(before)} {ours.unit}, is {whole(now)}, may not grow"
    return Gate(name, str(ours.subject), "passed" if now <= worst else "failed", message)


def _same_images(ours: Result, theirs: Result) -> bool:
    return bool(ours.dataset.get("sha256") == theirs.dataset.get("sha256"))


def _name(metric: str) -> str:
    return f"{metric.replace('_', ' ')} against the baseline"
