"""The run as aligned text for a terminal."""

from collections.abc import Sequence

from edgekit.benchmarks.gate import MARKS, Gate
from edgekit.benchmarks.result import Result
from edgekit.benchmarks.table import Table, banner, tables, worth_telling

GAP = "  "


def render(results: Sequence[Result], gates: Sequence[Gate]) -> str:
    """Return the tables and the gates."""
    answers, outputs, footprint = tables(results)
    asked = [f"{MARKS[gate.verdict]} {gate}" for gate in worth_telling(gates, answers)]
    listed = "\n".join(["Gates", *asked])
    parts = (
        banner(results),
        aligned(answers),
        aligned(outputs) if outputs.rows else "",
        aligned(footprint) if footprint.rows else "",
        listed,
    )
    return "\n\n".join(part for part in parts if part)


def aligned(table: Table) -> str:
    """Return a table, names to the left and figures to the right; without its note."""
    lines = [("model", "backend", *table.columns)]
    lines += [(row.subject.model, row.subject.backend, *row.cells) for row in table.rows]
    widths = [max(len(line[i]) for line in lines if i < len(line)) for i in range(len(lines[0]))]
    text = []
    for line, missing in zip(lines, ("", *(row.missing for row in table.rows)), strict=True):
        cells = [
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=False))
        ]
        text.append(GAP.join([*cells, missing]).rstrip())
    return "\n".join([table.title, *text])
