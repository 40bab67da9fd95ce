"""The sweep as text: a line for each point in the terminal, a line for each row in the CSV."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from typing import Any

from edgekit import escape
from edgekit.benchmarks.report.units import quantity, share, whole
from edgekit.columns import columns
from edgekit.sweep.measurement import ACCURACIES, DEFLATED, Basis, Measurement
from edgekit.sweep.summary import Point, accuracy, middle, points, value_text, varied, words

FORMAT = "edgekit sweep"
VERSION = 1
ABSENT = "absent"
"""Text in place of a figure that could not be measured here."""


@dataclass(frozen=True)
class Column:
    """A figure of a row, and how the terminal shows it.

    Attributes:
        title: title of the table's column.
        name: name of the CSV's column, and key in the JSON.
        figure: returns the figure of a measurement; None when it was not measured.
        show: formats the figure for people.
    """

    title: str
    name: str
    figure: Callable[[Measurement], float | None]
    show: Callable[[float], str]


def _in_bytes(value: float) -> str:
    return quantity(value, "bytes")


def _in_seconds(value: float) -> str:
    return quantity(value, "s")


def _of_firmware(name: str) -> Callable[[Measurement], float | None]:
    return lambda row: None if row.firmware is None else row.firmware[name]


COLUMNS = (
    Column("epochs", "epochs", lambda row: row.epochs, lambda value: f"{value:g}"),
    Column("training", "seconds", lambda row: row.seconds, _in_seconds),
    Column(".keras", "keras_bytes", lambda row: row.sizes["keras"], _in_bytes),
    Column("float32", "float32_bytes", lambda row: row.sizes["float32"], _in_bytes),
    Column("int8", "int8_bytes", lambda row: row.sizes["int8"], _in_bytes),
    Column("deflated", "int8_deflated_bytes", lambda row: row.sizes[DEFLATED], _in_bytes),
    Column("MACs", "macs", lambda row: row.macs, whole),
    Column("latency", "latency_s", lambda row: row.latency, _in_seconds),
    Column("flash", "flash_bytes", _of_firmware("flash"), whole),
    Column("RAM", "ram_bytes", _of_firmware("ram"), whole),
    Column("instr.", "instructions", _of_firmware("instructions"), whole),
)
BY_NAME = {column.name: column for column in COLUMNS}


def cells(rows: Sequence[Measurement]) -> list[tuple[str, ...]]:
    """Return the table: the titles, then a line for each point; figures are medians of the seeds.

    A figure that no point has is left out; the notes say why.

    The accuracy of one seed has its 95 % interval; that of several is their mean and standard
    deviation, with the lowest in brackets.
    """
    all_points = points(rows)
    present = [column for column in COLUMNS if not _absent(column, all_points)]
    titles = (
        *(words(key) for key in varied(rows)),
        *(("seeds",) if _repeated(rows) else ()),
        *(f"{kind} accuracy" for kind in ACCURACIES),
        *(column.title for column in present),
    )
    return [titles, *(_line(point, present, _repeated(rows)) for point in all_points)]


def text(rows: Sequence[Measurement]) -> str:
    """Return the table for a terminal, followed by what is missing and why."""
    table = cells(rows)
    lines = columns(table, right=range(len(varied(rows)), len(table[0])))
    return "\n".join([*lines, *(f"\n{escape.line(note)}" for note in notes(rows))])


def notes(rows: Sequence[Measurement]) -> list[str]:
    """Return what is missing, and why."""
    absent = dict.fromkeys(
        f"{ABSENT}: {'flash, RAM, instructions' if name == 'firmware' else name}: {reason}"
        for row in rows
        for name, reason in row.missing.items()
    )
    failed = [
        f"failed: {point.name}, seed {row.recipe.seed}: {row.failure}"
        for point in points(rows)
        for row in point.failures
    ]
    return [*absent, *failed]


def as_csv(rows: Sequence[Measurement]) -> str:
    """Return CSV with a line for each row: its recipe and raw figures; empty where missing."""
    records = [_record(row) for row in rows]
    output = StringIO()
    writer = csv.DictWriter(output, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return output.getvalue()


def document(rows: Sequence[Measurement], basis: Basis) -> dict[str, Any]:
    """Return the sweep as plain JSON values: the points with their spread, and all rows."""
    return {
        "format": FORMAT,
        "version": VERSION,
        **asdict(basis),
        "varied": list(varied(rows)),
        "points": [_summary(point) for point in points(rows)],
        "rows": [
            {key: value for key, value in row.to_dict().items() if key != "basis"} for row in rows
        ],
    }


def _repeated(rows: Sequence[Measurement]) -> bool:
    return len({row.recipe.seed for row in rows}) > 1


def _absent(column: Column, all_points: Sequence[Point]) -> bool:
    """Tell whether there are points with figures and none of them has this one."""
    good = [point for point in all_points if point.rows]
    return bool(good) and all(middle(point, column.figure) is None for point in good)


def _line(point: Point, present: Sequence[Column], repeated: bool) -> tuple[str, ...]:
    settings = tuple(value_text(value) for value in point.settings.values())
    seeds = (str(len(point.rows)),) if repeated else ()
    if not point.rows:
        return (*settings, *seeds, *("failed" for _ in (*ACCURACIES, *present)))
    figures = ((column, middle(point, column.figure)) for column in present)
    return (
        *settings,
        *seeds,
        *(_accuracy(point, kind) for kind in ACCURACIES),
        *(ABSENT if value is None else column.show(value) for column, value in figures),
    )


def _accuracy(point: Point, kind: str) -> str:
    result = accuracy(point, kind)
    if result.deviation is None:
        low, high = result.interval
        return f"{share(result.mean)} ({share(low)} to {share(high)})"
    return f"{share(result.mean)} ± {share(result.deviation)} ({share(result.lowest)})"


def _record(row: Measurement) -> dict[str, Any]:
    record: dict[str, Any] = {**row.recipe.document, "failure": escape.csv(row.failure)}
    for kind in ACCURACIES:
        score: Mapping[str, Any] = row.accuracy.get(kind, {})
        low, high = score.get("interval", ("", ""))
        record[f"{kind}_accuracy"] = score.get("accuracy", "")
        record |= {f"{kind}_low": low, f"{kind}_high": high}
        record[f"{kind}_correct"] = score.get("correct", "")
    for column in COLUMNS:
        value = None if row.failure else column.figure(row)
        record[column.name] = "" if value is None else value
    return record | {
        "weights_sha256": row.weights_sha256,
        "data": escape.csv(row.basis.data["name"]),
    }


def _summary(point: Point) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "settings": dict(point.settings),
        "seeds": [row.recipe.seed for row in point.rows],
        "failed_seeds": [row.recipe.seed for row in point.failures],
    }
    if point.rows:
        summary |= {kind: asdict(accuracy(point, kind)) for kind in ACCURACIES}
        summary |= {column.name: middle(point, column.figure) for column in COLUMNS}
    return summary
