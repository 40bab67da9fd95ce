"""The table of each class's or label's precision, recall and F1."""

from collections.abc import Sequence
from typing import Any

from edgekit.benchmarks.report.table import NOTHING, ReportTable, TableRow
from edgekit.benchmarks.result import Result, answered
from edgekit.columns import shortened
from edgekit.escape import line

MOST_CLASSES = 20
"""Most rows of a model: those of the classes with the least F1."""

LONGEST = 32
"""Largest width of a class name; longer ones are cut in the middle."""

NOTE = (
    "Precision: share of the answers that are right. Recall: share of the inputs of the class that "
    "are answered so. F1: harmonic mean of the two. AUC: area under the ROC curve of a label. "
    "Backends with the same figures share the first one's rows."
)


def table(results: Sequence[Result]) -> ReportTable:
    """Return the table of edgekit's models; of many classes it has the worst."""
    rows, shown = [], set[str]()
    for subject, result in answered(results).items():
        names, scores = _classes(result)
        key = f"{subject.model} {scores}"
        if subject.peer or not scores or key in shown:
            continue
        shown.add(key)
        pairs = sorted(enumerate(scores), key=lambda pair: pair[1]["f1"] or 0.0)
        worst = sorted(index for index, _ in pairs[:MOST_CLASSES])
        rows += [
            TableRow(subject, (_name(names[index]), *_cells(scores[index]))) for index in worst
        ]
    columns = ("class", "precision", "recall", "F1", "AUC")
    return ReportTable("Classes", columns, tuple(rows), NOTE)


def _classes(result: Result) -> tuple[Sequence[str], Sequence[dict[str, Any]]]:
    """Return names and scores of the classes or labels; empty without them."""
    summary = result.summary
    if result.metric == "labels" and result.status == "measured":
        scores = summary["per_label"]
        return summary["names"] or tuple(map(str, range(len(scores)))), scores
    if result.metric == "accuracy":
        return result.dataset.get("labels", ()), summary.get("per_class", ())
    return (), ()


def _name(label: str) -> str:
    return shortened(line(label), LONGEST)


def _cells(score: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        NOTHING if (value := score.get(name)) is None else f"{value:.4f}"
        for name in ("precision", "recall", "f1", "auc")
    )
