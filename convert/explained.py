"""What quantisation did to a model, layer by layer, and what helps: tried, and as text."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from edgekit.columns import columns
from edgekit.convert.conversion import Conversion
from edgekit.convert.job import Job
from edgekit.convert.job_data import Choices
from edgekit.convert.layer_use import layer_uses
from edgekit.convert.pipeline import error_samples
from edgekit.convert.repairs import QAT, FineTuned, Repair, candidates, fine_tuned, measured, tried
from edgekit.convert.report import ratio
from edgekit.convert.source import TrainedModel
from edgekit.escape import line
from edgekit.limits import TITLES, main_metric, reported, reported_targets

NONE = "–"
LONGEST = 60

MOST_INPUTS = 5
"""Most test inputs that are named because they change most."""

Table = list[list[str]]
"""Rows of cells, the titles first."""


def explained(
    trained: TrainedModel,
    choices: Choices,
    job: Job,
    first: tuple[Conversion, bytes, dict[str, Any]],
    *,
    layers: bool,
    most_drop: float | None,
    tune: Callable[[], FineTuned] | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """Try repairs of a conversion; return the file to write, and its report with what was found.

    Args:
        trained: the model.
        choices: the user's choices.
        job: the data and the meaning of the output.
        first: the conversion, its file and its report.
        layers: whether to measure each layer, and to try every repair.
        most_drop: most that the task's metric may drop: where the conversion drops more, the first
            repair that does not takes its place; None to keep the conversion.
        tune: quantisation-aware training, the last repair, where no other keeps the metric; None to
            do without.

    Raises:
        MissingExtraError: ai-edge-litert is not installed.
    """
    conversion, content, document = first
    best = measured(Repair(conversion.scheme, conversion), content, document)
    rows, written = [best.row], best.repair.name
    keeps = most_drop is None or best.keeps(most_drop)
    if layers or not keeps:
        repairs = candidates(conversion, document, choices, job)
        for repaired in tried(trained, choices, job, repairs):
            rows.append(repaired.row)
            if most_drop is not None and not keeps and repaired.keeps(most_drop):
                keeps, best, written = True, repaired, repaired.repair.name
                if not layers:
                    break
    if tune and not keeps:
        last = fine_tuned(tune, trained, conversion, job)
        rows.append(last.row)
        if most_drop is not None and last.keeps(most_drop):
            best, written = last, last.repair.name
    found: dict[str, Any] = {"repairs": rows, "written": written}
    if layers:
        calibration = None if job.calibration is None else job.calibration.inputs
        samples = error_samples(calibration, job.test_inputs(trained))
        uses = [] if samples is None else layer_uses(content, samples)
        found["layers"] = [asdict(use) for use in uses]
        changing = sorted(document["inputs"], key=lambda one: -one["change"])[:MOST_INPUTS]
        found["worst_inputs"] = [one["index"] for one in changing if one["change"]]
    return best.content, {**best.document, "explained": found}


def text(document: dict[str, Any]) -> str:
    """Return what was found as text: the layers of the conversion, and what was tried."""
    found = document["explained"]
    repairs, notes = repair_table(document)
    parts = ["\n".join([*columns(repairs, right=range(1, len(repairs[0]))), *notes])]
    if "layers" in found:
        layers = layer_table(document)
        lines = [*columns(layers, right=range(1, len(layers[0])))]
        if worst := ", ".join(map(str, found["worst_inputs"])):
            lines.append(f"test inputs that change most: {worst}")
        parts.insert(0, "\n".join(lines))
    return "\n\n".join(["", *parts, f"written: {found['written']}"])


def layer_table(document: dict[str, Any]) -> Table:
    """Return the table of the layers."""
    errors = {error["tensor"]: error for error in document["tensor_errors"]}
    rows = [["layer", "SNR", "lost", "range used", "saturated", "channels' spread"]]
    for layer in document["explained"]["layers"]:
        error = errors.get(layer["tensor"])
        rows.append(
            [
                layer["op"],
                *([NONE, NONE] if error is None else [ratio(error), _lost(error)]),
                f"{layer['used']:.0%}",
                _number(layer["saturated"], "{:.2%}"),
                _number(layer["spread"], "{:.3g} ×"),
            ]
        )
    return rows


def repair_table(document: dict[str, Any]) -> tuple[Table, list[str]]:
    """Return the table of what was tried and what it gives, and notes to it, a line each."""
    metric = TITLES[main_metric(document["task"]["name"], reported(document, "after"))]
    table = [["tried", metric, "drop", "bytes", "µs here"]]
    notes, trains = [], False
    if reported_targets(document):
        notes.append("the drop is that of the target that drops most")
    for row in document["explained"]["repairs"]:
        trains |= row["repair"] == QAT
        if row["training_seconds"]:
            notes.append(f"{row['repair']}: trained for {row['training_seconds']:.0f} s")
        if row["problem"]:
            notes.append(f"{row['repair']}: not possible: {line(row['problem'])}")
            continue
        table.append(
            [
                row["repair"][:LONGEST],
                _number(row["metric"], "{:.5f}"),
                _number(row["drop"], "{:.5f}"),
                _number(row["bytes"], "{:,}"),
                _number(row["microseconds"], "{:.1f}"),
            ]
        )
    if not trains:
        notes.append("not tried, as it trains: edgekit tune --qat, which learns the ranges")
    return table, notes


def _number(value: float | None, form: str) -> str:
    return NONE if value is None else form.format(value)


def _lost(error: dict[str, Any]) -> str:
    return "all" if error["lost_db"] is None else f"{error['lost_db']:.1f} dB"
