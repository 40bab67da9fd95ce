"""The run as Markdown, for a pull request's comment or a README."""

from collections.abc import Sequence

from edgekit.benchmarks.gate import Gate, passed
from edgekit.benchmarks.report.matrix import matrix, sentences
from edgekit.benchmarks.report.table import ReportTable, banner, worth_telling
from edgekit.benchmarks.report.tables import tables
from edgekit.benchmarks.result import Result
from edgekit.escape import markdown


def render(results: Sequence[Result], gates: Sequence[Gate]) -> str:
    """Return verdict, gates, tables, and the reasons of missing rows."""
    answers, outputs, *others = tables(results)
    parts = [f"**edgekit bench: {'passed' if passed(gates) else 'failed'}**"]
    if banner(results):
        parts.append(f"> **{banner(results)}**")
    shown = worth_telling(gates, answers)
    if remarks := [": ".join(parts) for parts in sentences(shown, results)]:
        parts.append(listed(remarks))
    if shown:
        parts.append(_gates(shown, results))
    parts += [_table(one) for one in (answers, outputs, *others) if one.rows]
    missing = [row for row in (*answers.rows, *outputs.rows) if row.missing]
    if missing:
        parts.append(listed([f"{row.subject}: {row.missing}" for row in missing]))
    if results:
        about, data = results[0].environment, results[0].dataset
        facts = [f"{data['images']} test inputs of {data['name']}"] if data else []
        facts += [f"{name} {value}" for name, value in about.items()]
        parts.append(markdown(" · ".join(facts)))
    return "\n\n".join(parts) + "\n"


def _gates(gates: Sequence[Gate], results: Sequence[Result]) -> str:
    grid = matrix(gates, results)
    rows = [(model, *(cell.text for cell in cells)) for model, cells in grid.rows]
    return f"**Gates**\n\n{rows_of(('model', *grid.columns), rows, left=1)}"


def _table(table: ReportTable) -> str:
    rows = [
        (row.subject.model, row.subject.backend, *row.cells)
        for row in table.rows
        if not row.missing
    ]
    return f"**{table.title}**\n\n{rows_of(('model', 'backend', *table.columns), rows, left=2)}"


def rows_of(titles: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return a table whose first ``left`` columns are names."""
    rule = [*["---"] * left, *["--:"] * (len(titles) - left)]
    head, *body = (tuple(map(markdown, row)) for row in (titles, *rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *body))


def listed(remarks: Sequence[str]) -> str:
    """Return a list with a bullet for each remark."""
    return "\n".join(f"- {markdown(remark)}" for remark in remarks)
