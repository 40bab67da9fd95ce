"""The run as Markdown, fit for a pull request's comment or a README."""

from collections.abc import Sequence

from edgekit.benchmarks.gate import Gate, passed
from edgekit.benchmarks.result import Result
from edgekit.benchmarks.table import Table, banner, tables, worth_telling


def render(results: Sequence[Result], gates: Sequence[Gate]) -> str:
    """Return verdict, tables, what is missing from them, and the gates that did not pass."""
    answers, outputs, footprint = tables(results)
    parts = [f"**edgekit bench: {'passed' if passed(gates) else 'failed'}**"]
    if banner(results):
        parts.append(f"> **{banner(results)}**")
    parts += [_table(one) for one in (answers, outputs, footprint) if one.rows]
    missing = [row for row in (*answers.rows, *outputs.rows) if row.missing]
    remarks = [f"{row.subject}: {row.missing}" for row in missing]
    remarks += [
        f"{gate.verdict}: {gate}"
        for gate in worth_telling(gates, answers)
        if gate.verdict != "passed"
    ]
    if remarks:
        parts.append("\n".join(f"- {_escape(remark)}" for remark in remarks))
    if results:
        about, data = results[0].environment, results[0].dataset
        facts = [f"{data['images']} test images of {data['name']}"] if data else []
        facts += [f"{name} {value}" for name, value in about.items()]
        parts.append(_escape(" · ".join(facts)))
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    lines = [("model", "backend", *table.columns), ("---", "---", *["--:"] * len(table.columns))]
    for row in table.rows:
        if not row.missing:
            cells = (row.subject.model, row.subject.backend, *row.cells)
            lines.append(tuple(map(_escape, cells)))
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{table.title}**\n\n{rows}"


def _escape(text: str) -> str:
    """Return ``text`` such that Markdown shows it as it is, on one line and in one cell."""
    for character in "\\`*_[]<>|#":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())
