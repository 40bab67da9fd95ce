"""Comparison with an earlier run: how much worse a figure may be before it is a regression."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit import stored
from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.report.units import quantity, share, whole
from edgekit.benchmarks.result import ANSWERS, Result, answered
from edgekit.errors import ResultError

ResultKey = tuple[str, str, str]
"""Metric, model and backend: results of two runs with the same key are compared."""

MACHINE = ("CPU", "cores", "OS", "Python")
"""Facts of the environment that must agree before speed and memory can be compared."""

TOOLS = ("ziglang", "avr-gcc", "unicorn")
"""Facts of the environment that must agree before firmware can be compared."""


@dataclass(frozen=True)
class Margin:
    """How much worse a figure may be than the baseline's.

    Attributes:
        metric: the result's metric.
        figure: key in the result's summary.
        noise: tolerated change: absolute for accuracy and R², else a share of the baseline's
            figure; 0 for deterministic figures.
        facts: facts of the environment that must agree before the figure can be compared.
        same_images: the test inputs must be the same, too.
    """

    metric: str
    figure: str
    noise: float
    facts: tuple[str, ...] = ()
    same_images: bool = False

    @property
    def name(self) -> str:
        """Name of the gate."""
        if self.metric == "error":
            return _name("R²")
        figure = f"{self.figure} " if self.metric == "instructions" else ""
        return _name(figure + self.metric)


THIRD_PARTIES = ("litert",)
"""Backends that are not edgekit's: compared like the peers, but never a failure."""

OTHER_IMAGES = "the baseline has other test inputs"
OTHER_MAKER = "not edgekit's: compared only"

FALLING = (
    # The rounding of another CPU can change 2 answers of 2115.
    Margin("accuracy", "accuracy", 0.001, same_images=True),
    Margin("error", "r2", 0.001, same_images=True),
)
"""Figures of which more is better; the margin is how far they may fall."""

MARGINS = (
    # A shared machine shifts the median of microseconds by a tenth from run to run.
    Margin("latency", "p50", 0.25, facts=MACHINE),
    Margin("peak_memory", "median", 0.10, facts=MACHINE),
    # Deterministic except for version strings in the metadata.
    Margin("file_size", "median", 0.02),
    Margin("flash", "total", 0, facts=TOOLS),
    Margin("ram", "total", 0, facts=TOOLS),
    Margin("instructions", "median", 0, facts=TOOLS, same_images=True),
    Margin("instructions", "max", 0, facts=TOOLS, same_images=True),
)
"""Figures of which less is better."""

TOLERANCES = tuple(dict.fromkeys(margin.metric for margin in (*FALLING, *MARGINS)))
"""Metrics whose margin ``--tolerance`` can set."""


def require_common(
    earlier: Iterable[Result], models: Sequence[str], backends: Sequence[str]
) -> None:
    """Check, before anything is measured, that there will be something to compare.

    Raises:
        ResultError: the earlier run has none of the models on any of the backends, or lacks a
            figure.
    """
    before = _measured(earlier)
    ours = [key for key, result in before.items() if not result.subject.peer]
    if not any(model in models and backend in backends for _, model, backend in ours):
        raise ResultError("the baseline has none of these models on any of these backends")
    for (metric, model, backend), result in before.items():
        needed = [margin.figure for margin in (*FALLING, *MARGINS) if margin.metric == metric]
        figures = [result.summary.get(figure, "") for figure in needed]
        # R² is null if all targets are equal.
        if not all(stored.is_number(value) or value is None for value in figures):
            raise ResultError(f"the baseline is damaged: no {metric} of {model} on {backend}")


def compare(
    results: Sequence[Result],
    earlier: Iterable[Result],
    models: Sequence[str],
    tolerances: Mapping[str, float] | None = None,
) -> list[Gate]:
    """Compare results with those of the earlier run for the same models and backends.

    Third parties are compared as well, but their gates are skipped.

    Args:
        results: results of this run.
        earlier: results of the baseline.
        models: names of the models of this run; one that could not be measured but was in the
            earlier run fails.
        tolerances: margins by metric, in place of the default ones.
    """
    now, before = _measured(results), _measured(earlier)
    chosen = tolerances or {}
    gates = []
    for key, theirs in before.items():
        metric, model, backend = key
        if model not in models and not theirs.subject.peer:
            continue
        if key not in now:
            if metric in ANSWERS and (reason := _reason(results, model, backend)):
                message = f"measured in the baseline, but now {reason}"
                gates.append(Gate(_name(metric), str(theirs.subject), "failed", message))
        else:
            for margins, gate_of in ((FALLING, _fallen), (MARGINS, _grown)):
                gates += [
                    gate_of(
                        now[key], theirs, replace(margin, noise=chosen.get(metric, margin.noise))
                    )
                    for margin in margins
                    if margin.metric == metric
                    and None not in (theirs.summary[margin.figure], now[key].summary[margin.figure])
                ]
    third_parties = {
        str(result.subject) for result in (*now.values(), *before.values()) if not _ours(result)
    }
    return [_not_ours(gate) if gate.subject in third_parties else gate for gate in gates]


def _ours(result: Result) -> bool:
    return not result.subject.peer and result.subject.backend not in THIRD_PARTIES


def _not_ours(gate: Gate) -> Gate:
    if gate.verdict == "skipped":
        return gate
    return replace(gate, verdict="skipped", message=f"{gate.message} ({OTHER_MAKER})")


def _key(result: Result) -> ResultKey:
    return result.metric, result.subject.model, result.subject.backend


def _measured(results: Iterable[Result]) -> dict[ResultKey, Result]:
    return {_key(result): result for result in results if result.status == "measured"}


def _reason(results: Iterable[Result], model: str, backend: str) -> str:
    """Return why ``model`` was not measured on ``backend``; "" if it was not attempted."""
    for subject, result in answered(results).items():
        if subject.backend == backend and subject.model in (model, ""):
            return f"{result.status}: {result.reason}"
    return ""


def _fallen(ours: Result, theirs: Result, margin: Margin) -> Gate:
    name, subject = margin.name, str(ours.subject)
    if not _same_images(ours, theirs):
        return Gate(name, subject, "skipped", OTHER_IMAGES)
    now, before = ours.summary[margin.figure], theirs.summary[margin.figure]
    worst = before - margin.noise
    message = (
        f"was {share(before)}, is {share(now)}, may fall by {share(margin.noise)} to {share(worst)}"
    )
    return Gate(name, subject, "passed" if now >= worst else "failed", message)


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
