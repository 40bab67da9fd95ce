"""Rows of a conversion's report about its metrics, its threshold and its gates."""

from collections.abc import Mapping, Sequence
from typing import Any

from edge_runtime.meaning import ANOMALY, LOGITS
from edgekit.escape import line
from edgekit.limits import MARKS, TITLES

LEAST_SHOWN = 3
"""Most classes that are named because they are recognised worst."""


Row = tuple[str, str]
"""Name and value of a row of the report."""


def row(name: str, value: str) -> Row:
    """Return a row of the report."""
    return name, line(value)


def of_classes(accuracy: Mapping[str, Any], meaning: str, names: Sequence[str]) -> list[Row]:
    """Return the rows of classes called ``names``, besides those of accuracy and agreement."""
    before, after = accuracy["before"]["metrics"], accuracy["after"]["metrics"]
    rows = _compared(before, after, ("f1",))
    if "auc" in after:
        of = "; of the logits" if meaning == LOGITS else ""
        rows.append(row("AUC", f"{before['auc']:.5f} before, {after['auc']:.5f} after{of}"))
    return [*rows, *_worst(accuracy["after"]["per_class"], names)]


def of_labels(several: Mapping[str, Any] | None) -> list[Row]:
    """Return the rows of several labels."""
    if several is None:
        return []
    before, after = several["before"], several["after"]
    names = several["names"] or list(map(str, range(len(after["per_label"]))))
    rows = [
        row(
            "accuracy",
            f"every label is right of {before['exact']} before and {after['exact']} after, of "
            f"{after['total']}; scores differ by at most "
            f"{several['largest_score_difference']:.3g}",
        ),
        *_compared(before["metrics"], after["metrics"], ("f1", "auc")),
    ]
    figures = [
        f"{name} {_real(one['f1'])} and {_real(one['auc'])}"
        for name, one in zip(names, after["per_label"], strict=True)
    ]
    return [*rows, row("each label", "F1 and AUC after: " + ", ".join(figures))]


def of_targets(targets: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return the row of each of several targets; none without any."""
    figures = [
        f"{one['name']} {_real(one['after']['r2'])} ({_real(one['before']['r2'])})"
        for one in targets
    ]
    return [row("each target", f"R² after (before): {', '.join(figures)}")] if figures else []


def of_anomalies(unusual: Mapping[str, Any] | None) -> list[Row]:
    """Return the rows of an anomaly detector."""
    if unusual is None:
        return []
    before, after = unusual["before"], unusual["after"]
    rows = [
        row(
            "rebuilt",
            f"mean squared error {before['mean_error']:.4g} before, {after['mean_error']:.4g} "
            f"after, on average over {after['total']} inputs",
        )
    ]
    if unusual["names"]:
        usual, other = unusual["names"]
        rows.append(row("normal", f"{usual}: {unusual['reason']}; {other} is an anomaly"))
    rows += _compared(before["metrics"], after["metrics"], ("auc", "accuracy", "f1"))
    if after["judged"]:
        return [*rows, *_worst(after["judged"]["per_class"], unusual["names"])]
    if after["above"] is not None:
        rows.append(row("above", f"{after['above']} of {after['total']} are above the threshold"))
    return rows


def of_threshold(threshold: Mapping[str, Any] | None, task: str) -> list[Row]:
    """Return the row of the threshold."""
    if threshold is None:
        return []
    what = "mean squared error" if task == ANOMALY else "output of the second class"
    return [row("threshold", f"{threshold['value']:.6g} ({what}), {threshold['reason']}")]


def of_gates(gates: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return a row for each gate."""
    return [
        row("gate", f"{MARKS[one['verdict']]} {one['name']}: {one['message']}") for one in gates
    ]


def _compared(
    before: Mapping[str, float], after: Mapping[str, float], names: Sequence[str]
) -> list[Row]:
    return [
        row(TITLES[name], f"{before[name]:.5f} before, {after[name]:.5f} after")
        for name in names
        if name in before and name in after
    ]


def _worst(classes: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Row]:
    """Return the row of the classes with the least recall."""
    known = [i for i, one in enumerate(classes) if one["recall"] is not None]
    worst = sorted(known, key=lambda i: classes[i]["recall"])[:LEAST_SHOWN]
    figures = [
        f"{names[i]} {_real(classes[i]['recall'])} and {_real(classes[i]['precision'])}"
        for i in worst
    ]
    return [row("each class", "recall and precision after: " + ", ".join(figures))]


def _real(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
