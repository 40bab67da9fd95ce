"""Comparison with an earlier run: how much worse a figure may be before it is a regression."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit import stored
from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.report.units import quantity, share, whole
from edgekit.benchmarks.result import ANSWERS, Result, answered
from edgekit.errors import ResultError

ResultKey = tuple[str, str, str]
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
        noise: tolerated change, as a share of the baseline's figure, of accuracy and R² as they
            are; 0 for what is deterministic.
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
        if self.metric == "error":
            return _name("R²")
        figure = f"{self.figure} " if self.metric == "instructions" else ""
        return _name(figure + self.metric)


THIRD_PARTIES = ("litert",)
"""Backends that are not ours: compared like the peers, and no reason to fail."""

OTHER_IMAGES = "the baseline has other test images"
OTHER_MAKER = "not ours: compared only"

FALLING = (
    # 2 images of 2115 is what another CPU's rounding can flip.
    Margin("accuracy", "accuracy", 0.001, same_images=True),
    Margin("error", "r2", 0.001, same_images=True),
)
"""Figures that are better the larger they are; the margin is what they may fall by."""

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
"""Figures that are better the smaller they are."""

TOLERANCES = tuple(dict.fromkeys(one.metric for one in (*FALLING, *MARGINS)))
"""Metrics whose margin the user may choose."""


def require_common(
    earlier: Iterable[Result], models: Sequence[str], backends: Sequence[str]
) -> None:
    """Make sure that there will be something to compare, before anything is measured.

    Raises:
        ResultError: the earlier run has none of the models on any of the backends, or lacks a
            figure.
    """
    before = _measured(earlier)
    own = [key for key, result in before.items() if not result.subject.peer]
    if not any(model in models and backend in backends for _, model, backend in own):
        raise ResultError("the baseline has none of these models on any of these backends")
    for (metric, model, backend), result in before.items():
        needed = [one.figure for one in (*FALLING, *MARGINS) if one.metric == metric]
        found = [result.summary.get(figure, "") for figure in needed]
        # R² is null where all targets are the same.
        if not all(stored.is_number(one) or one is None for one in found):
            raise ResultError(f"the baseline is damaged: no {metric} of {model} on {backend}")


def compare(
    results: Sequence[Result],
    earlier: Iterable[Result],
    models: Sequence[str],
    tolerances: Mapping[str, float] | None = None,
) -> list[Gate]:
    """Hold our results against the earlier run's of the same models and backends.

    Third parties are compared as well, and their gates skipped.

    Args:
        results: of this run.
        earlier: of the baseline.
        models: what this run was to measure; one that it tried in vain, and that the earlier run
            measured, fails.
        tolerances: chosen margins by metric, in place of the ones here.
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
            for margins, hold in ((FALLING, _fallen), (MARGINS, _grown)):
                gates += [
                    hold(now[key], theirs, replace(one, noise=chosen.get(metric, one.noise)))
                    for one in margins
                    if one.metric == metric
                    and None not in (theirs.summary[one.figure], now[key].summary[one.figure])
                ]
    third = {str(key.subject) for key in now.values() if not _ours(key)}
    third |= {str(one.subject) for one in before.values() if not _ours(one)}
    return [_not_ours(gate) if gate.subject in third else gate for gate in gates]


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
    """Return why ``model`` was not measured on ``backend``; "" when that was not tried."""
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
