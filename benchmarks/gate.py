"""Gates: the conditions under which a run passes."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.meaning import REGRESS
from edgekit import limits
from edgekit.benchmarks.report.units import quantity, whole
from edgekit.benchmarks.result import ANSWERS, REFERENCES, Result, Subject, answered, select
from edgekit.limits import MAIN, NO_REPORT, ROUNDING, Limits, Recorded, Verdict, bounds

STUDY_MINIMUM = 0.99
"""Least accuracy of the models of the documented study: MNIST's 0 and 1."""

MOST_DROP = 0.01
"""Most that the accuracy, or R², of any other model may be below its Keras model's."""

RECORDED = "the Keras model, by the report of the conversion,"
"""What that model is called where the report of the conversion has its metrics."""

NO_LIMITS = Limits()

NO_TARGETS: Mapping[str, float | None] = {}

NOTHING_RECORDED: Mapping[str, Recorded] = {}

TIMED = ("native", "edgetpu")
"""Engines that a latency limit applies to; the reference backend is a definition, not an engine."""

NAMED_IMAGES = 12
"""Most wrong images that a message names; it counts the others."""


@dataclass(frozen=True)
class Gate:
    """One condition and its verdict.

    Attributes:
        name: the condition: "accuracy", "required", "runs", "accuracy against the baseline", …
        subject: the subject's name in the results, or the name of a model or a backend.
        verdict: "skipped" if there was nothing to compare with.
        message: one sentence for people.
        limit: the limit, if it is a number.
    """

    name: str
    subject: str
    verdict: Verdict
    message: str
    limit: float | None = None

    def __str__(self) -> str:
        return f"{self.subject}: {self.name}: {self.message}"


def passed(gates: Iterable[Gate]) -> bool:
    """Return whether no gate failed."""
    return all(gate.verdict != "failed" for gate in gates)


def answers(
    results: Iterable[Result],
    minimum: float | None = None,
    drop: float | None = None,
    study: Container[str] = (),
    *,
    metrics: Limits = NO_LIMITS,
    recorded: Mapping[str, Recorded] = NOTHING_RECORDED,
) -> list[Gate]:
    """Check the answers of each model on each backend, peers excepted.

    Args:
        results: results of the run.
        minimum: least accuracy, 0 to 1; None for STUDY_MINIMUM for the models of the study, and a
            comparison with the Keras model for all others.
        drop: most that the main metric of the task (accuracy, R², macro F1 of labels, AUC of
            anomalies) may be below the Keras model's; None for MOST_DROP if there is no other
            condition.
        study: models of the documented study.
        metrics: limits of other metrics.
        recorded: by model, what the report of the conversion says of the Keras model: what is
            compared with where that was not run, if the test inputs are the same.
    """
    results = list(results)
    gates, unchecked, refused = [], dict[str, str](), set[str]()
    for subject, result in answered(results).items():
        if subject.peer:
            continue
        least = minimum
        unlimited = drop is None and not metrics
        if least is None and unlimited and subject.model in study:
            least = STUDY_MINIMUM
        if result.status != "measured":
            verdict: Verdict = "skipped" if result.status == "not present" else "failed"
            message = f"{result.status}: {result.reason}"
            gates.append(Gate(result.metric, str(subject), verdict, message, limit=least))
            continue
        found = bounds(metrics, result.summary.get("metrics", {}), result.summary.get("truth", ""))
        gates += [
            Gate(one.name, str(subject), one.verdict, one.message, one.limit) for one in found
        ]
        if result.metric == "outputs":
            unchecked[subject.model] = f"{result.summary['truth']}: it is not measured"
            refused |= {subject.model} if minimum is not None else set()
            continue
        if least is not None and result.metric == "accuracy":
            gates.append(_minimum(result, least))
        compared = drop is not None or (least is None and not metrics)
        if compared or (result.metric == "error" and not metrics):
            keras = _keras(results, subject)
            most = MOST_DROP if drop is None else drop
            known = recorded.get(subject.model, NO_REPORT)
            if keras is not None:
                gates.append(_drop(result, keras, most))
            elif known.metrics and _same_inputs(known, result):
                gates.append(_main_drop(result, known.metrics, most, RECORDED, known.targets))
            else:
                unchecked[subject.model] = _nothing_to_compare_with(results, subject, result)
    return gates + [
        Gate("accuracy", model, "failed" if model in refused else "skipped", reason)
        for model, reason in unchecked.items()
    ]


def runs(
    results: Iterable[Result], models: Iterable[str], for_edgetpu: Container[str] = ()
) -> list[Gate]:
    """Return a failed gate for each of ``models`` that no backend was present for.

    The gate of a model in ``for_edgetpu`` is skipped instead, unless an Edge TPU is present and
    refused the model.
    """
    ours = [result for result in answered(results).values() if not result.subject.peer]
    gates = []
    for model in models:
        outcomes = [result for result in ours if result.subject.model in (model, "")]
        if all(outcome.status == "not present" for outcome in outcomes):
            reasons = "; ".join(
                f"{outcome.subject.backend}: {outcome.reason}" for outcome in outcomes
            )
            refused = any(
                outcome.subject.model and outcome.subject.backend == "edgetpu"
                for outcome in outcomes
            )
            verdict: Verdict = "skipped" if model in for_edgetpu and not refused else "failed"
            gates.append(Gate("runs", model, verdict, f"no backend ran it: {reasons}"))
    return gates


def required(results: Iterable[Result], backends: Sequence[str]) -> list[Gate]:
    """Require that each of ``backends`` has run at least one model."""
    ours = [result for result in answered(results).values() if not result.subject.peer]
    gates = []
    for name in backends:
        outcomes = [result for result in ours if result.subject.backend == name]
        if any(outcome.status == "measured" for outcome in outcomes):
            gates.append(Gate("required", name, "passed", "it is present and ran a model"))
        else:
            reasons = "; ".join(dict.fromkeys(outcome.reason for outcome in outcomes))
            gates.append(Gate("required", name, "failed", f"it ran no model: {reasons}"))
    return gates


def exact(results: Iterable[Result], metric: str = "difference_to_builtin_ref") -> list[Gate]:
    """Require that integer models give the same bytes as the reference of ``metric``.

    The reference is LiteRT's reference kernels for the native engine, and the engine for firmware.
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
            f"rounding {figures['rounding']}, {images['tensors']} test inputs and "
            f"{random['tensors']} random tensors, seed {figures['seed']}"
        )
        gates.append(Gate("exact", str(subject), "failed" if differ else "passed", message))
    return gates


def budget(results: Iterable[Result], metric: str, figure: str, limit: int) -> list[Gate]:
    """Require that ``figure`` of ``metric`` is at most ``limit`` for each build.

    Args:
        results: results of firmware.
        metric: "flash", "ram" or "instructions".
        figure: key in the result's summary.
        limit: the limit, in the result's unit.
    """
    gates = []
    for subject, result in select(results, metric).items():
        value, over = result.summary[figure], result.summary[figure] - limit
        relation = f"over by {whole(over)}" if over > 0 else f"{whole(-over)} left"
        message = f"{whole(value)} {result.unit} of {whole(limit)}, {relation}"
        if result.summary.get("stack", 0) is None:
            message += "; without the stack, which is not measured"
        verdict: Verdict = "failed" if over > 0 else "passed"
        gates.append(Gate(metric, str(subject), verdict, message, limit=limit))
    return gates


def size(models: Mapping[str, Path], limit: int) -> list[Gate]:
    """Require that the file of each of ``models`` has at most ``limit`` bytes."""
    gates = []
    for model, path in models.items():
        size = path.stat().st_size
        verdict: Verdict = "failed" if size > limit else "passed"
        message = f"{whole(size)} bytes of {whole(limit)}"
        gates.append(Gate("size", model, verdict, message, limit=limit))
    return gates


def latency(results: Iterable[Result], limit: float) -> list[Gate]:
    """Require a median latency of at most ``limit`` seconds for each model on edgekit's engines.

    LiteRT and the peers are not checked.
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
    """Return a failed gate for each other measurement of edgekit's backends that failed."""
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


def _same_inputs(recorded: Recorded, result: Result) -> bool:
    data = result.dataset
    return (recorded.data, recorded.inputs) == (data.get("sha256"), data.get("images"))


def _drop(ours: Result, keras: Result, most: float) -> Gate:
    """Check the drop of the main metric below that of the Keras model."""
    task = ours.summary.get("task")
    if ours.metric == "error":
        return _r2_drop(ours, keras, most)
    if ours.metric == "accuracy" and task not in MAIN:
        return _accuracy_drop(ours, keras, most)
    return _main_drop(ours, keras.summary.get("metrics", {}), most, _called(keras))


def _called(keras: Result) -> str:
    """Return what sentences call the model that is compared with."""
    return REFERENCES[keras.subject.backend]


def _main_drop(
    ours: Result,
    reference: Mapping[str, float | None],
    most: float,
    what: str,
    targets: Mapping[str, float | None] = NO_TARGETS,
) -> Gate:
    task = REGRESS if ours.metric == "error" else ours.summary.get("task") or ""
    each = [
        (one["name"], one["r2"], targets.get(one["name"]))
        for one in ours.summary.get("targets", ())
    ]
    check = limits.drop(task, ours.summary.get("metrics", {}), reference, most, what, each)
    return Gate(check.name, str(ours.subject), check.verdict, check.message, check.limit)


def _minimum(result: Result, minimum: float) -> Gate:
    figures = result.summary
    passes = figures["accuracy"] >= minimum
    wrong = figures["wrong"]
    noun = "test input" if len(wrong) == 1 else "test inputs"
    images = f"; wrong on {noun} {name_images(wrong)}" if wrong else ""
    message = (
        f"{figures['accuracy']:.5f} ({figures['correct']} of {figures['total']}) is "
        f"{'at least' if passes else 'below'} {minimum:g}{images}"
    )
    verdict: Verdict = "passed" if passes else "failed"
    return Gate("accuracy", str(result.subject), verdict, message, limit=minimum)


def _accuracy_drop(ours: Result, keras: Result, most: float) -> Gate:
    # It imports NumPy, which is not needed to show gates.
    from edgekit.scoring import paired_interval

    wrong, keras_wrong = set(ours.summary["wrong"]), set(keras.summary["wrong"])
    total = ours.summary["total"]
    neither = len(wrong & keras_wrong)
    lost, won = len(wrong - keras_wrong), len(keras_wrong - wrong)
    low, high = paired_interval(total - lost - won - neither, lost, won, neither)
    drop = (lost - won) / total
    message = (
        f"{ours.summary['accuracy']:.5f}, {_called(keras)} has {keras.summary['accuracy']:.5f}: a "
        f"drop of {drop:.5f} (95 % interval {low:.5f} to {high:.5f}), {most:g} is allowed"
    )
    verdict: Verdict = "passed" if drop <= most + ROUNDING else "failed"
    return Gate("accuracy drop", str(ours.subject), verdict, message, limit=most)


def _r2_drop(ours: Result, keras: Result, most: float) -> Gate:
    figures, theirs = ours.summary, keras.summary
    errors = (
        f"RMSE {figures['rmse']:.4g} and MAE {figures['mae']:.4g}, {_called(keras)} has "
        f"{theirs['rmse']:.4g} and {theirs['mae']:.4g}"
    )
    name, subject = "R² drop", str(ours.subject)
    if figures["r2"] is None or theirs["r2"] is None:
        message = f"{errors}; all targets are equal, so there is no R²"
        return Gate(name, subject, "skipped", message, limit=most)
    pairs = zip(figures.get("targets", ()), theirs.get("targets", ()), strict=False)
    targets = [(one["name"], one["r2"], other["r2"]) for one, other in pairs]
    r2, reference, of = limits.that_counts(figures["r2"], theirs["r2"], targets)
    drop = reference - r2
    message = (
        f"{of}R² {r2:.5f}, {_called(keras)} has {reference:.5f}: a drop of {drop:.5f}, "
        f"{most:g} is allowed; {errors}"
    )
    return Gate(name, subject, "passed" if drop <= most else "failed", message, limit=most)


def _keras(results: Sequence[Result], subject: Subject) -> Result | None:
    """Return the Keras model's result, if the subject is to be compared with it."""
    agreement = select(results, "agreement").get(subject)
    if agreement is None or agreement.status != "measured":
        return None
    for peer, result in answered(results).items():
        if peer.peer and peer.backend in REFERENCES and result.status == "measured":
            return result
    return None


def _nothing_to_compare_with(results: Sequence[Result], subject: Subject, result: Result) -> str:
    """Return why there is no Keras model to compare with, and which options help."""
    agreement = select(results, "agreement").get(subject)
    why = agreement.reason if agreement else "no Keras model was run"
    give = "give --keras FILE"
    if result.metric == "accuracy":
        give += ", or --min-accuracy"
    elif result.metric == "labels":
        give += ", or --min"
    return f"nothing to compare with: {why}: {give}"
