"""The run as aligned text for a terminal."""

from collections.abc import Sequence

from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.report.matrix import matrix, sentences
from edgekit.benchmarks.report.table import ReportTable, banner, worth_telling
from edgekit.benchmarks.report.tables import tables
from edgekit.benchmarks.result import Result
from edgekit.columns import columns, shortened
from edgekit.escape import line
from edgekit.limits import MARKS

GAP = "  "
NAME = 48
"""Largest width of a model's name; longer ones are cut in the middle."""


def render(results: Sequence[Result], gates: Sequence[Gate]) -> str:
    """Return the tables and the gates."""
    answers, *others = tables(results)
    parts = (
        banner(results),
        aligned(answers),
        *(aligned(one) for one in others if one.rows),
        _gates(worth_telling(gates, answers), results),
    )
    return "\n\n".join(part for part in parts if part)


def _gates(gates: Sequence[Gate], results: Sequence[Result]) -> str:
    """Return the sentences of gates that did not pass, and below them the matrix."""
    if not gates:
        return ""
    grid = matrix(gates, results)
    lines = [("model", *grid.columns)]
    lines += [(_name(model), *(cell.text for cell in cells)) for model, cells in grid.rows]
    remarks = [
        line(f"{MARKS[verdict]} {about}: {message}")
        for verdict, about, message in sentences(gates, results)
    ]
    return "\n".join(["Gates", *remarks, *columns(lines, right=range(1, len(lines[0])))])


def aligned(table: ReportTable) -> str:
    """Return a table without its note, names left and figures right aligned."""
    lines = [("model", "backend", *table.columns)]
    lines += [(_name(row.subject.model), row.subject.backend, *row.cells) for row in table.rows]
    remarks = ("", *(row.missing for row in table.rows))
    text = [
        GAP.join([one, line(remark)]) if remark else one
        for one, remark in zip(columns(lines, right=range(2, len(lines[0]))), remarks, strict=True)
    ]
    return "\n".join([table.title, *text])


def _name(model: str) -> str:
    return shortened(line(model), NAME)
