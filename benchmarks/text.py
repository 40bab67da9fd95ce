"""The run as aligned text for a terminal."""

from collections.abc import Sequence

from edgekit.benchmarks.gate import MARKS, Gate
from edgekit.benchmarks.matrix import matrix, sentences
from edgekit.benchmarks.result import Result
from edgekit.benchmarks.table import Table, banner, tables, worth_telling

GAP = "  "


def render(results: Sequence[Result], gates: Sequence[Gate]) -> str:
    """Return the tables and the gates."""
    answers, outputs, footprint = tables(results)
    parts = (
        banner(results),
        aligned(answers),
        aligned(outputs) if outputs.rows else "",
        aligned(footprint) if footprint.rows else "",
        _gates(worth_telling(gates, answers), results),
    )
    return "\n\n".join(part for part in parts if part)


def _gates(gates: Sequence[Gate], results: Sequence[Result]) -> str:
    """Return the sentences of those that did not pass, and below them the matrix."""
    if not gates:
        return ""
    found = matrix(gates, results)
    lines = [("model", *found.columns)]
    lines += [(model, *(cell.text for cell in cells)) for model, cells in found.rows]
    said = [
        f"{MARKS[verdict]} {about}: {message}"
        for verdict, about, message in sentences(gates, results)
    ]
    return "\n".join(["Gates", *said, *columns(lines, left=1)])


def aligned(table: Table) -> str:
    """Return a table, names to the left and figures to the right; without its note."""
    lines = [("model", "backend", *table.columns)]
    lines += [(row.subject.model, row.subject.backend, *row.cells) for row in table.rows]
    remarks = ("", *(row.missing for row in table.rows))
    text = [
        GAP.join([line, remark]) if remark else line
        for line, remark in zip(columns(lines, left=2), remarks, strict=True)
    ]
    return "\n".join([table.title, *text])


def columns(lines: Sequence[Sequence[str]], left: int) -> list[str]:
    """Return the lines with their cells below each other, the first ``left`` to the left.

    A line may have fewer cells than the first.
    """
    widths = [max(len(line[i]) for line in lines if i < len(line)) for i in range(len(lines[0]))]
    return [
        GAP.join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=False))
        ).rstrip()
        for line in lines
    ]
