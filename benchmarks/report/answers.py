"""Sections of the report about answers: confusion, wrongly answered inputs, agreement."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from edge_runtime.meaning import ANOMALY
from edgekit.benchmarks.accuracy import PICTURES
from edgekit.benchmarks.parity import differing
from edgekit.benchmarks.report import inputs
from edgekit.benchmarks.report.charts import name
from edgekit.benchmarks.report.page import scrolling
from edgekit.benchmarks.result import Result, Subject, select
from edgekit.columns import told_apart, width
from edgekit.escape import html

FEW = 4
"""Most classes for a matrix with large cells."""

NAMES = (24, 48)
"""Usual and largest width of class names; longer ones are cut in the middle, less if that keeps
them different."""

SHORT = 4
"""Width of a class name that fits above a column; longer ones are rotated."""


def confusions(results: Sequence[Result]) -> str:
    """Return the confusion matrices, one for all subjects with the same matrix."""
    sharing: dict[tuple[tuple[int, ...], ...], list[Subject]] = {}
    measured = _measured(results)
    for result in measured:
        matrix = tuple(map(tuple, result.summary["confusion"]))
        sharing.setdefault(matrix, []).append(result.subject)
    if not measured:
        return ""
    labels = measured[0].dataset["labels"]
    captioned = {matrix: _names(subjects, len(measured)) for matrix, subjects in sharing.items()}
    detects = measured[0].summary.get("task") == ANOMALY
    return matrices(captioned, labels, positive=int(detects))


def matrices(
    captioned: Mapping[tuple[tuple[int, ...], ...], str],
    labels: Sequence[str],
    *,
    positive: int = 0,
) -> str:
    """Return confusion matrices side by side, as many as fit.

    Args:
        captioned: the matrices, rows predicted and columns true, and the captions (HTML).
        labels: names of the classes.
        positive: which of two classes is positive; an anomaly detector's second one is.
    """
    figures = "".join(
        f"<figure>{_matrix(matrix, labels, positive)}<figcaption>{caption}</figcaption></figure>"
        for matrix, caption in captioned.items()
    )
    which = f" Positive class: {html(labels[positive])}." if len(labels) == 2 else ""
    note = f'<p class="note">Rows: predicted. Columns: true.{which}</p>'
    # Approximate width of a matrix; the style sheet puts as many side by side as fit.
    name_width = 0.5 * max(map(width, told_apart(labels, *NAMES)))
    cell = max(3.2, min(7, name_width + 1)) if len(labels) <= FEW else 2.3
    whole = 3.7 + name_width + len(labels) * cell
    return f'<div class="matrices" style="--width: {whole:.1f}rem">{figures}</div>{note}'


def wrong_answers(results: Sequence[Result]) -> str:
    """Return a picture of each wrongly answered input, with the truth and all wrong answers."""
    measured = _measured(results)
    if not measured:
        return ""
    wrong = {index for result in measured for index in result.summary["wrong"]}
    if not wrong:
        return "<p>None: all answers are right.</p>"
    return _pictures(measured, wrong, "wrongly answered")


def furthest(results: Sequence[Result]) -> str:
    """Return a picture of each input with wrong labels, or with numbers far from its targets."""
    chosen = (*select(results, "labels").values(), *select(results, "error").values())
    measured = [result for result in chosen if result.status == "measured"]
    differing = {
        index for result in measured for index, wrong in enumerate(result.samples) if wrong
    }
    return _pictures(measured, differing, "differing")


def agreement(results: Sequence[Result]) -> str:
    """Return the number of inputs with different answers for each pair of contenders."""
    measured = _measured(results)
    if len(measured) < 2:
        return ""
    counts = [[differing(first, second) for second in measured] for first in measured]
    total = len(measured[0].samples)
    if not any(map(any, counts)):
        return f"<p>All give the same answer for each of the {total} inputs.</p>"
    head = "".join(f"<th>{name(result.subject)}</th>" for result in measured)
    rows = "".join(
        f'<tr><th scope="row">{name(result.subject)}</th>'
        + "".join(f"<td>{'·' if i == j else count}</td>" for j, count in enumerate(row))
        + "</tr>"
        for i, (result, row) in enumerate(zip(measured, counts, strict=True))
    )
    titles = f"<thead><tr><th></th>{head}</tr></thead>"
    table = f'<table class="figures">{titles}<tbody>{rows}</tbody></table>'
    note = f'<p class="note">Number of inputs, of {total}, on which the two answers differ.</p>'
    return scrolling(table, "Agreement") + note


def _pictures(measured: Sequence[Result], all_of_them: Collection[int], kind: str) -> str:
    """Return the inputs that the results have a picture of, at most PICTURES."""
    pictures: dict[int, Mapping[str, Any]] = {}
    answers: dict[int, dict[str, list[Result]]] = {}
    for result in measured:
        for one in result.summary["pictures"]:
            pictures.setdefault(one["index"], one)
            answers.setdefault(one["index"], {}).setdefault(one["answer"], []).append(result)
    shown = sorted(pictures)[:PICTURES]
    figures = "".join(_picture(pictures[at], answers[at], len(measured)) for at in shown)
    if not shown:
        return ""
    left_out = len(shown) < len(all_of_them)
    note = f'<p class="note">{len(shown)} of {len(all_of_them)} {kind} inputs.</p>'
    return f'<div class="pictures">{figures}</div>{note if left_out else ""}'


def _picture(
    picture: Mapping[str, Any], answers: Mapping[str, Sequence[Result]], total: int
) -> str:
    """Return an input with its truth, and who answered what with which scores."""
    index = picture["index"]
    given = "<br>".join(
        f"answered {html(answer)} by {_names([one.subject for one in by], total)}"
        f"{_scores(index, by)}"
        for answer, by in answers.items()
    )
    return (
        f"<figure>{inputs.drawn(picture, f'test input {index}')}"
        f"<figcaption><strong>truth {html(picture['true'])}</strong> {given}"
        f'<small class="index">input {index}</small></figcaption></figure>'
    )


def _scores(index: int, answering: Sequence[Result]) -> str:
    """Return the scores of an answer, as a range where several have given it."""
    ranges: dict[str, list[float]] = {}
    for result in answering:
        (one,) = (picture for picture in result.summary["pictures"] if picture["index"] == index)
        for whose, score in one.get("scores", ()):
            ranges.setdefault(whose, []).append(score)
    texts = []
    for whose, scores in ranges.items():
        ends = dict.fromkeys(f"{score:.3g}" for score in (min(scores), max(scores)))
        texts.append(f"{html(whose)}: {' to '.join(ends)}")
    return f'<small class="scores">{" · ".join(texts)}</small>' if texts else ""


def _matrix(matrix: tuple[tuple[int, ...], ...], labels: Sequence[str], positive: int) -> str:
    size = len(matrix)
    # Right and wrong answers are shaded relative to the largest count of each: a few wrong ones
    # would not be visible next to a thousand right ones.
    most_right = max(1, *(matrix[i][i] for i in range(size)))
    most_wrong = max(1, *(matrix[i][j] for i in range(size) for j in range(size) if i != j))
    names = [
        f'title="{html(label)}">{html(short)}'
        for label, short in zip(labels, told_apart(labels, *NAMES), strict=True)
    ]
    head = "".join(f"<th {name}</th>" for name in names)
    rows = []
    for i, row in enumerate(matrix):
        cells = ""
        for j, count in enumerate(row):
            kind = "right" if i == j else "wrong" if count else "none"
            right, kind_of = "T" if i == j else "F", "P" if i == positive else "N"
            outcome = f"<small>{right}{kind_of}</small>" if size == 2 else ""
            weight = 100 * count // (most_right if i == j else most_wrong)
            cells += f'<td class="{kind}" style="--weight: {weight}%">{outcome}{count}</td>'
        side = f'<th class="side" rowspan="{size}"><span>predicted</span></th>' if i == 0 else ""
        rows.append(f'<tr>{side}<th scope="row" {names[i]}</th>{cells}</tr>')
    kind = "" if size <= FEW else " many long" if max(map(width, labels)) > SHORT else " many"
    table = (
        f'<table class="confusion{kind}">'
        f'<thead><tr><td colspan="2"></td><th colspan="{size}">true</th></tr>'
        f'<tr><td colspan="2"></td>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
    return scrolling(table, "Confusion matrix")


def _names(subjects: Sequence[Subject], total: int) -> str:
    """Return the subjects' names, each model once with its backends; "all" for all of them."""
    if len(subjects) == total:
        return "all"
    backends: dict[str, list[str]] = {}
    for subject in subjects:
        backends.setdefault(subject.model, []).append(subject.backend)
    return ", ".join(
        name(Subject(model, "", ", ".join(names))) for model, names in backends.items()
    )


def _measured(results: Sequence[Result]) -> list[Result]:
    return [
        result for result in select(results, "accuracy").values() if result.status == "measured"
    ]
