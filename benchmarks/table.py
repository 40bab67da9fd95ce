"""The results as two tables of text: answers and speed, and footprint.

The terminal, Markdown and HTML show the same cells.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.result import Result, Subject, select
from edgekit.benchmarks.units import quantity, share, three_digits

NOTHING = "–"


@dataclass(frozen=True)
class Row:
    """One subject's cells, or the reason why it has none."""

    subject: Subject
    cells: tuple[str, ...]
    missing: str = ""


@dataclass(frozen=True)
class Table:
    """A title, column titles (model and backend come before them) and rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def tables(results: Iterable[Result]) -> tuple[Table, Table]:
    """Return the table of answers and speed and the table of footprints."""
    results = list(results)
    return _answers(results), _footprint(results)


def worth_telling(gates: Iterable[Gate], answers: Table) -> list[Gate]:
    """Leave out the skipped gates that only repeat a reason that the table gives."""
    explained = {str(row.subject) for row in answers.rows if row.missing}
    return [gate for gate in gates if gate.verdict != "skipped" or gate.subject not in explained]


def banner(results: Iterable[Result]) -> str:
    """Return what must be said before any figure: that the images are not real. Else ""."""
    if any(result.dataset.get("synthetic") for result in results):
        return "SYNTHETIC TEST IMAGES: digits drawn by code, not handwriting. Not an MNIST result."
    return ""


def _answers(results: list[Result]) -> Table:
    accuracy, agreement = select(results, "accuracy"), select(results, "agreement")
    latency, relative = select(results, "latency"), select(results, "relative_latency")
    throughput = select(results, "throughput")
    rows = []
    for subject, result in accuracy.items():
        if result.status != "measured":
            rows.append(Row(subject, (), f"{result.status}: {result.reason}"))
            continue
        figures = result.summary
        low, high = figures["interval"]
        rows.append(
            Row(
                subject,
                (
                    f"{figures['correct']}/{figures['total']}",
                    share(figures["accuracy"]),
                    f"{share(low)}–{share(high)}",
                    _same(agreement.get(subject)),
                    *(_figure(latency.get(subject), key) for key in ("p50", "p90", "p99")),
                    _ratio(relative.get(subject)),
                    _figure(throughput.get(subject), "median"),
                ),
            )
        )
    columns = (
        "right",
        "accuracy",
        "95 % interval",
        "as Keras",
        "p50",
        "p90",
        "p99",
        "× fastest",
        "throughput",
    )
    rows.sort(key=lambda row: bool(row.missing))
    return Table("Answers and speed", columns, tuple(rows))


def _footprint(results: list[Result]) -> Table:
    metrics = ("cold_start", "peak_memory", "file_size", "installed_size")
    columns = {metric: select(results, metric) for metric in metrics}
    subjects = dict.fromkeys(subject for column in columns.values() for subject in column)
    rows = tuple(
        Row(
            subject,
            tuple(_figure(columns[metric].get(subject), "median") for metric in metrics),
        )
        for subject in subjects
    )
    return Table("Footprint", ("cold start", "peak memory", "file", "installed"), rows)


def _figure(result: Result | None, key: str) -> str:
    if result is None or key not in result.summary:
        return NOTHING
    return quantity(result.summary[key], result.unit)


def _same(agreement: Result | None) -> str:
    if agreement is None or agreement.status != "measured":
        return NOTHING
    return f"{agreement.summary['same']}/{agreement.summary['total']}"


def _ratio(relative: Result | None) -> str:
    if relative is None or relative.status != "measured":
        return NOTHING
    return three_digits(relative.summary["median"])
