"""All tables of a run."""

from collections.abc import Iterable
from dataclasses import replace

from edgekit.benchmarks.report import classes, firmware, table
from edgekit.benchmarks.report.table import NOTHING, ReportTable
from edgekit.benchmarks.result import Result


def tables(results: Iterable[Result]) -> tuple[ReportTable, ...]:
    """Return the tables of answers and speed, of outputs, of footprints and of classes.

    For firmware they are those of builds, of outputs, of steps, of functions and of classes. Empty
    columns are left out.
    """
    results = list(results)
    if any(result.metric == "flash" for result in results):
        parts: tuple[ReportTable, ...] = (
            firmware.builds(results),
            table.outputs(results),
            firmware.steps(results),
            firmware.functions(results),
            classes.table(results),
        )
    else:
        parts = (
            table.answers(results),
            table.outputs(results),
            table.footprint(results),
            classes.table(results),
        )
    return tuple(map(_without_empty_columns, parts))


def _without_empty_columns(whole: ReportTable) -> ReportTable:
    used = [
        index
        for index in range(len(whole.columns))
        if any(row.cells[index] != NOTHING for row in whole.rows if row.cells)
    ]
    return replace(
        whole,
        columns=tuple(whole.columns[index] for index in used),
        rows=tuple(
            replace(row, cells=tuple(row.cells[index] for index in used)) if row.cells else row
            for row in whole.rows
        ),
    )
