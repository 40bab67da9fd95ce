"""Gates: what must hold for the run to pass."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgekit.benchmarks.report.units import quantity, whole
from edgekit.benchmarks.result import ANSWERS, KERAS, Result, Subject, answered, select

Verdict = Literal["passed", "failed", "skipped"]
MARKS = {"passed": "✓", "failed": "✗", "skipped": "–"}

STUDY_MINIMUM = 0.99
"""What the models of the documented study must reach: MNIST's 0 and 1."""

MOST_DROP = 0.01
"""How far the accuracy, or R², of any other model may fall below its Keras model's."""

TIMED = ("native", "edgetpu")
"""Engines that a limit of the latency is about; the reference is the definition, not the engine."""

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


def answers(
    results: Iterable[Result],
    minimum: float | None = None,
    drop: float | None = None,
    study: Container[str] = (),
) -> list[Gate]:
    """Ask each model on each backend for good answers; peers are not asked.

    Args:
        results: of the run.
        minimum: the accuracy asked for, 0 to 1, without which a model fails; None asks
            STUDY_MINIMUM of the models of the study and compares all others with their Keras model.
        drop: how far accuracy or R² may fall below the Keras model's; None for MOST_DROP, where
            nothing else is asked.
        study: models of the documented study.
    """
    results = list(results)
    gates, unasked, refused = [], dict[str, str](), set[str]()
    for subject, result in answered(results).items():
        if subject.peer:
            continue
        asked = minimum
        if asked is None and drop is None and subject.model in study:
            asked = STUDY_MINIMUM
        if result.status != "measured":
            verdict: Verdict = "skipped" if result.status == "not present" else "failed"
            message = f"{result.status}: {result.reason}"
            gates.append(Gate(result.metric, str(subject), verdict, message, limit=asked))
            continue
        if result.metric == "outputs":
            unasked[subject.model] = f"{result.summary['truth']}: it is not measured"
            refused |= {subject.model} if minimum is not None else set()
            continue
        if asked is not None and result.metric == "accuracy":
            gates.append(_minimum(result, asked))
        if asked is None or drop is not None or result.metric == "error":
            keras = _keras(results, subject)
            if keras is None:
                unasked[subject.model] = _nothing_to_compare_with(results, subject, result)
            else:
                most = MOST_DROP if drop is None else drop
                compare = _accuracy_drop if result.metric == "accuracy" else _r2_drop
                gates.append(compare(result, keras, most))
    return gates + [
        Gate("accuracy", model, "failed" if model in refused else "skipped", reason)
        for model, reason in unasked.items()
    ]


def runs(
    results: Iterable[Result], models: Iterable[str], for_edgetpu: Container[str] = ()
) -> list[Gate]:
    """Return a failed gate for each of ``models`` that no backend was present for.

    The gate of a model in ``for_edgetpu`` is skipped instead, unless an Edge TPU is present and
    did not take the model.
    """
    ours = [one for one in answered(results).values() if not one.subject.peer]
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
    outcomes = [one for subject, one in answered(results).items() if not subject.peer]
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


def size(models: Mapping[str, Path], limit: int) -> list[Gate]:
    """Ask of each of ``models`` that its file has at most ``limit`` bytes."""
    gates = []
    for model, path in models.items():
        found = path.stat().st_size
        verdict: Verdict = "failed" if found > limit else "passed"
        message = f"{whole(found)} bytes of {whole(limit)}"
        gates.append(Gate("size", model, verdict, message, limit=limit))
    return gates


def latency(results: Iterable[Result], limit: float) -> list[Gate]:
    """Ask of each model on our engines that the median of one input is at most ``limit`` seconds.

    LiteRT and the peers are not asked.
    """
    gates = []
    for subject, result in select(results, "latency").items():
        if subject.peer or subject.backend not in TIMED or result.status != "measured":
            continue
        median = result.summary["p50"]
        verdict: Verdict = "failed" if median > limit else "passed"
        message = f"p50 is {quantity(median, 's')} of {quantity(limit, 's')}"
        gates.append(Gate("latency", str(subject), verdict, message, limit=limit))
    return gates


def completed(results: Iterable[Result]) -> list[Gate]:
    """Return a failed gate for each other measurement of ours that was tried in vain."""
    return [
        Gate(result.metric.replace("_", " "), str(result.subject), "failed", result.reason)
        for result in results
        if result.status == "failed" and result.metric not in ANSWERS and not result.subject.peer
    ]


def name_images(indices: Sequence[int]) -> str:
    """Name the first images of ``indices`` and count the others: "3, 17, 90 and 12 more"."""
    named = ", ".join(map(str, indices[:NAMED_IMAGES]))
    more = len(indices) - NAMED_IMAGES
    return f"{named} and {more} more" if more > 0 else named


def _minimum(result: Result, minimum: float) -> Gate:
    figures = result.summary
    passes = figures["accuracy"] >= minimum
    wrong = figures["wrong"]
    noun = "test image" if len(wrong) == 1 else "test images"
    images = f"; wrong on {noun} {name_images(wrong)}" if wrong else ""
    message = (
        f"{figures['accuracy']:.5f} ({figures['correct']} of {figures['total']}) is "
        f"{'at least' if passes else 'below'} {minimum:g}{images}"
    )
    verdict: Verdict = "passed" if passes else "failed"
    return Gate("accuracy", str(result.subject), verdict, message, limit=minimum)


def _accuracy_drop(ours: Result, keras: Result, most: float) -> Gate:
    # It loads NumPy, which whoever only shows gates does without.
    from edgekit.scoring import paired_interval

    own, theirs = set(ours.summary["wrong"]), set(keras.summary["wrong"])
    total = ours.summary["total"]
    neither = len(own & theirs)
    lost, won = len(own - theirs), len(theirs - own)
    low, high = paired_interval(total - lost - won - neither, lost, won, neither)
    drop = (lost - won) / total
    message = (
        f"{ours.summary['accuracy']:.5f}, the Keras model has {keras.summary['accuracy']:.5f}: a "
        f"drop of {drop:.5f} (95 % interval {low:.5f} to {high:.5f}), {most:g} is allowed"
    )
    # A share of ten thousand images is a float; one image more than allowed is 1e-4.
    verdict: Verdict = "passed" if drop <= most + 1e-9 else "failed"
    return Gate("accuracy drop", str(ours.subject), verdict, message, limit=most)


def _r2_drop(ours: Result, keras: Result, most: float) -> Gate:
    own, theirs = ours.summary, keras.summary
    errors = (
        f"RMSE {own['rmse']:.4g} and MAE {own['mae']:.4g}, the Keras model has "
        f"{theirs['rmse']:.4g} and {theirs['mae']:.4g}"
    )
    name, subject = "R² drop", str(ours.subject)
    if own["r2"] is None or theirs["r2"] is None:
        message = f"{errors}; the targets are all the same, so there is no R²"
        return Gate(name, subject, "skipped", message, limit=most)
    drop = theirs["r2"] - own["r2"]
    message = (
        f"R² {own['r2']:.5f}, the Keras model has {theirs['r2']:.5f}: a drop of {drop:.5f}, "
        f"{most:g} is allowed; {errors}"
    )
    return Gate(name, subject, "passed" if drop <= most else "failed", message, limit=most)


def _keras(results: Sequence[Result], subject: Subject) -> Result | None:
    """Return what the Keras model answered, if the subject may be compared with it."""
    agreement = select(results, "agreement").get(subject)
    if agreement is None or agreement.status != "measured":
        return None
    for one, result in answered(results).items():
        if one.peer and one.backend == KERAS and result.status == "measured":
            return result
    return None


def _nothing_to_compare_with(results: Sequence[Result], subject: Subject, own: Result) -> str:
    """Say what the model has, why there is no Keras model, and what to give."""
    agreement = select(results, "agreement").get(subject)
    why = agreement.reason if agreement else "no Keras model was run"
    give = "give --keras FILE"
    if own.metric == "accuracy":
        give += ", or --min-accuracy"
    return f"nothing to compare with: {why}: {give}"
