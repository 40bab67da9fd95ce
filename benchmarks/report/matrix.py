"""The gates as a matrix, with a row for each model and a column for each condition.

A gate that failed, or was skipped for a reason that no table shows, keeps its sentence; gates with
the same message for several subjects share one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import starmap

from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.result import Result, Subject
from edgekit.limits import MARKS, Verdict

NOTE = "✓ held, ✗ failed, – skipped. A number counts backends: all of them, or of how many."
ORDER: tuple[Verdict, ...] = ("failed", "skipped", "passed")


@dataclass(frozen=True)
class Cell:
    """The gates of one name for one model.

    Attributes:
        verdict: the worst verdict; "" without gates.
        text: such as "✓ 3" or "✗ 1 of 3"; "" without gates.
    """

    verdict: Verdict | str = ""
    text: str = ""


@dataclass(frozen=True)
class Matrix:
    """Names of the gates, and rows of a model (or a backend without a model) and its cells."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def matrix(gates: Sequence[Gate], results: Iterable[Result]) -> Matrix:
    """Return the gates by model and name, in order; ``results`` name the models of subjects."""
    subjects = _subjects(results)
    grouped: dict[str, dict[str, list[Gate]]] = {}
    for gate in gates:
        subject = subjects.get(gate.subject)
        row = grouped.setdefault(subject.model if subject else gate.subject, {})
        row.setdefault(gate.name, []).append(gate)
    columns = tuple(dict.fromkeys(gate.name for gate in gates))
    return Matrix(
        columns,
        tuple(
            (model, tuple(_cell(row.get(column, ())) for column in columns))
            for model, row in grouped.items()
        ),
    )


def sentences(gates: Sequence[Gate], results: Iterable[Result]) -> list[tuple[Verdict, str, str]]:
    """Return verdict, "subjects: gate" and message of gates that did not pass, failed first."""
    subjects = _subjects(results)
    sharing: dict[tuple[Verdict, str, str], dict[str, list[str]]] = {}
    for gate in sorted(gates, key=lambda gate: ORDER.index(gate.verdict)):
        if gate.verdict != "passed":
            models = sharing.setdefault((gate.verdict, gate.name, gate.message), {})
            subject = subjects.get(gate.subject)
            backends = models.setdefault(subject.model if subject else gate.subject, [])
            backends += [subject.backend] if subject else []
    return [
        (verdict, f"{'; '.join(starmap(_named, models.items()))}: {name}", message)
        for (verdict, name, message), models in sharing.items()
    ]


def _subjects(results: Iterable[Result]) -> dict[str, Subject]:
    """Return the subjects that have a model, by their name in gates."""
    return {str(result.subject): result.subject for result in results if result.subject.model}


def _named(model: str, backends: Sequence[str]) -> str:
    return f"{model} on {', '.join(backends)}" if backends else model


def _cell(gates: Sequence[Gate]) -> Cell:
    if not gates:
        return Cell()
    counts = {verdict: sum(gate.verdict == verdict for gate in gates) for verdict in ORDER}
    worst = next(verdict for verdict in ORDER if counts[verdict])
    if len(gates) == 1:
        return Cell(worst, MARKS[worst])
    count = counts[worst]
    return Cell(
        worst, f"{MARKS[worst]} {count}{'' if count == len(gates) else f' of {len(gates)}'}"
    )
