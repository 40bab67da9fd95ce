"""Gates: what must hold for the run to pass."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from edgekit.benchmarks.result import Result, select
from edgekit.benchmarks.units import whole

Verdict = Literal["passed", "failed", "skipped"]
MARKS = {"passed": "✓", "failed": "✗", "skipped": "–"}
NAMED_IMAGES = 12
"""Wrong images that a message names before it only counts them."""


@dataclass(frozen=True)
class Gate:
    """One condition and what came of it.

    Attributes:
        name: what is asked: "accuracy", "required", "runs", "accuracy against the baseline", …
        subject: of whom, as the results call it; a model or a backend alone where both do not fit.
        verdict: "skipped" when there was nothing to hold against the condition.
        message: one sentence for people.
        limit: the figure asked for, where it is one.
    """

    name: str
    subject: str
    verdict: Verdict
    message: str
    limit: float | None = None

    def __str__(self) -> str:
        return f"{self.subject}: {self.name}: {self.message}"


def passed(gates: Iterable[Gate]) -> bool:
    """Tell whether no gate failed."""
    return all(gate.verdict != "failed" for gate in gates)


def accuracy(results: Iterable[Result], minimum: float) -> list[Gate]:
    """Ask ``minimum`` (0 to 1) of each model on each backend; peers are not asked."""
    gates = []
    for subject, result in select(results, "accuracy").items():
        if subject.peer:
            continue
        verdict: Verdict
        if result.status == "measured":
            verdict = "passed" if result.summary["accuracy"] >= minimum else "failed"
            message = _against_minimum(result, minimum)
        else:
            verdict = "skipped" if result.status == "not present" else "failed"
            message = f"{result.status}: {result.reason}"
        gates.append(Gate("accuracy", str(subject), verdict, message, limit=minimum))
    return gates


def runs(
    results: Iterable[Result], models: Iterable[str], for_edgetpu: Container[str] = ()
) -> list[Gate]:
    """Return a failed gate for each of ``models`` that no backend was present for.

    The gate of a model in ``for_edgetpu`` is skipped instead, unless an Edge TPU is present and
    did not take the model.
    """
    ours = [one for one in select(results, "accuracy").values() if not one.subject.peer]
    gates = []
    for model in models:
        tried = [one for one in ours if one.subject.model in (model, "")]
        if all(one.status == "not present" for one in tried):
            reasons = "; ".join(f"{one.subject.backend}: {one.reason}" for one in tried)
            refused = any(one.subject.model and one.subject.backend == "edgetpu" for one in tried)
            verdict: Verdict = "skipped" if model in for_edgetpu and not refused else "failed"
            gates.append(Gate("runs", model, verdict, f"no backend ran it: {reasons}"))
    return gates


def required(results: Iterable[Result], backends: Sequence[str]) -> list[Gate]:
    """Ask of each of ``backends`` that it has run at least one model."""
    outcomes = [one for subject, one in select(results, "accuracy").items() if not subject.peer]
    gates = []
    for name in backends:
        own = [one for one in outcomes if one.subject.backend == name]
        if any(one.status == "measured" for one in own):
            gates.append(Gate("required", name, "passed", "it is present and ran a model"))
        else:
            reasons = "; ".join(dict.fromkeys(one.reason for one in own))
            gates.append(Gate("required", name, "failed", f"it ran no model: {reasons}"))
    return gates


def exact(results: Iterable[Result], metric: str = "difference_to_builtin_ref") -> list[Gate]:
    """Ask of integer models that they give the bytes of what ``metric`` compares them with.

    That is LiteRT's reference kernels for the engine native, and the engine for firmware.
    """
    gates = []
    for subject, result in select(results, metric).items():
        figures = result.summary
        if result.status != "measured" or not figures["integer"]:
            continue
        images, random = figures["images"], figures["random"]
        differ = images["differ"] + random["differ"]
        largest = max(images["largest"], random["largest"])
        message = (
            f"{differ} of {images['elements'] + random['elements']} output elements differ from "
            f"{figures['reference']}{f' by at most {largest} steps' if differ else ''}; "
            f"rounding {figures['rounding']}, {images['tensors']} test images and "
            f"{random['tensors']} random tensors, seed {figures['seed']}"
        )
        gates.append(Gate("exact", str(subject), "failed" if differ else "passed", message))
    return gates


def budget(results: Iterable[Result], metric: str, figure: str, limit: int) -> list[Gate]:
    """Ask of each build that ``figure`` of ``metric`` is at most ``limit``.

    Args:
        results: of firmware.
        metric: "flash", "ram" or "instructions".
        figure: the key in the result's summary.
        limit: in the result's unit.
    """
    gates = []
    for subject, result in select(results, metric).items():
        value, over = result.summary[figure], result.summary[figure] - limit
        relation = f"over by {whole(over)}" if over > 0 else f"{whole(-over)} left"
        message = f"{whole(value)} {result.unit} of {whole(limit)}, {relation}"
        if result.summary.get("stack", 0) is None:
            message += "; the stack is not measured and not among them"
        verdict: Verdict = "failed" if over > 0 else "passed"
        gates.append(Gate(metric, str(subject), verdict, message, limit=limit))
    return gates


def completed(results: Iterable[Result]) -> list[Gate]:
    """Return a failed gate for each other measurement of ours that was tried in vain."""
    return [
        Gate(result.metric.replace("_", " "), str(result.subject), "failed", result.reason)
        for result in results
        if result.status == "failed" and result.metric != "accuracy" and not result.subject.peer
    ]


def name_images(indices: Sequence[int]) -> str:
    """Name the first images of ``indices`` and count the others: "3, 17, 90 and 12 more"."""
    named = ", ".join(map(str, indices[:NAMED_IMAGES]))
    more = len(indices) - NAMED_IMAGES
    return f"{named} and {more} more" if more > 0 else named


def _against_minimum(result: Result, minimum: float) -> str:
    figures = result.summary
    relation = "at least" if figures["accuracy"] >= minimum else "below"
    wrong = figures["wrong"]
    noun = "test image" if len(wrong) == 1 else "test images"
    images = f"; wrong on {noun} {name_images(wrong)}" if wrong else ""
    return (
        f"{figures['accuracy']:.5f} ({figures['correct']} of {figures['total']}) is "
        f"{relation} {minimum:g}{images}"
    )
