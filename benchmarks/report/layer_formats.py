"""The layers of models as text, Markdown, HTML and JSON."""

from collections.abc import Sequence

from edgekit import files
from edgekit.benchmarks.report import document, svg
from edgekit.benchmarks.report.charts import chart, row
from edgekit.benchmarks.report.html import environment
from edgekit.benchmarks.report.layers import (
    Grid,
    Layer,
    Profile,
    grids,
    litert_seconds,
    profiles,
    seconds,
    slowest,
)
from edgekit.benchmarks.report.markdown import listed, rows_of
from edgekit.benchmarks.report.page import header, page, scrolling, section
from edgekit.benchmarks.report.table import NOTHING
from edgekit.benchmarks.report.units import quantity, three_digits
from edgekit.benchmarks.result import Result
from edgekit.columns import columns
from edgekit.escape import html, line, markdown

FORMAT = "edgekit bench --layers"
VERSION = 1

CHART_NOTE = (
    "Time of each layer: edgekit's engine in blue, the part of it that the layer would take at the "
    "peak of this machine shaded; LiteRT in grey."
)
STYLE = """
.layers { margin: 1.5rem 0 2rem; }
.layers .plot { height: 1.9rem; }
rect.limit { fill: var(--ink); opacity: 0.55; }
.figures .about { text-align: left; }
.figures .total th, .figures .total td { font-weight: 600; }
"""


def text(results: Sequence[Result]) -> str:
    """Return the tables for a terminal, each with its sentences below."""
    said = {profile.model: _sentences(profile) for profile in profiles(results)}
    parts = []
    for grid in grids(results):
        lines = columns([grid.columns, *grid.rows], right=range(grid.names, len(grid.columns)))
        remarks = [line(remark) for remark in said.pop(grid.title, [])]
        parts.append("\n".join([line(grid.title), *lines, *remarks]))
    absent = [line(f"{model}: {remark}") for model, remarks in said.items() for remark in remarks]
    return "\n\n".join([*parts, *absent])


def as_markdown(results: Sequence[Result]) -> str:
    """Return the tables as Markdown, each with its sentences below."""
    said = {profile.model: _sentences(profile) for profile in profiles(results)}
    parts = ["**edgekit bench: layers**"]
    for grid in grids(results):
        parts += [f"**{markdown(grid.title)}**", rows_of(grid.columns, grid.rows, grid.names)]
        if remarks := said.pop(grid.title, []):
            parts.append(listed(remarks))
    absent = [f"{model}: {remark}" for model, remarks in said.items() for remark in remarks]
    parts += [listed(absent)] if absent else []
    if results:
        facts = [f"{name} {value}" for name, value in results[0].environment.items()]
        parts.append(markdown(" · ".join(facts)))
    return "\n\n".join(parts) + "\n"


def as_html(results: Sequence[Result]) -> str:
    """Return a page with a bar for each layer, and the tables."""
    tables = {grid.title: grid for grid in grids(results)}
    body = [header("edgekit bench --layers", "Layers", CHART_NOTE)]
    for profile in profiles(results):
        remarks = "".join(f"<p>{html(remark)}</p>" for remark in _sentences(profile))
        grid = tables.pop(profile.model, None)
        table, note = (grid_table(grid), grid.note) if grid else ("", "")
        body.append(section(profile.model, remarks + _bars(profile) + table, note))
    body += [section(grid.title, grid_table(grid), grid.note) for grid in tables.values()]
    body.append(section("Measured on", environment(results)))
    return page("edgekit bench: layers", body, STYLE)


def dumps(results: Sequence[Result], *, samples: bool = False) -> str:
    """Return the results as one JSON document, one line per result."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "environment": dict(results[0].environment) if results else {},
    }
    parts = [f'"{key}": {files.to_json(value, None)}' for key, value in head.items()]
    lines = (files.to_json(document.record(one, samples=samples), None) for one in results)
    parts.append('"results": [\n  ' + ",\n  ".join(lines) + "\n]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _sentences(profile: Profile) -> list[str]:
    """Return how a model compares, its slowest layers, and why an engine has no figures."""
    compared = []
    if profile.ratio:
        faster = profile.ratio < 1
        factor = three_digits(1 / profile.ratio if faster else profile.ratio)
        compared = [f"A whole inference: {factor}× {'faster' if faster else 'slower'} than LiteRT."]
    missing = [f"No figures for {backend}: {reason}" for backend, reason in profile.missing.items()]
    return [*compared, *slowest(profile), *missing]


def _bars(profile: Profile) -> str:
    """Return a bar for each layer, one for each engine, on one scale."""
    times = [_times(layer) for layer in profile.layers]
    most = max((one or 0.0 for pair in times for one in pair), default=0.0) or 1.0
    rows = []
    for layer, (ours, theirs) in zip(profile.layers, times, strict=True):
        parts = []
        if layer.ours is not None and ours is not None:
            parts.append(svg.bar(100 * ours / most, "ours", 12, 40))
            if share := layer.ours.summary["share"]:
                parts.append(svg.bar(100 * share * ours / most, "limit", 12, 40))
        if theirs is not None:
            parts.append(svg.bar(100 * theirs / most, "peer", 58, 30))
        value = NOTHING if ours is None else quantity(ours, "s")
        level = f" <small>{html(layer.ours.summary['level'])}</small>" if layer.ours else ""
        rows.append(row(html(layer.name) + level, svg.strip(parts, f"time {value}"), value))
    return f'<div class="layers">{chart(rows, "")}</div>' if rows else ""


def _times(layer: Layer) -> tuple[float | None, float | None]:
    return seconds(layer.ours), litert_seconds(layer)


def grid_table(grid: Grid) -> str:
    """Return a table as HTML, in a box that scrolls."""
    kinds = [' class="about"' if at < grid.names else "" for at in range(len(grid.columns))]
    head = "".join(
        f"<th{about}>{html(column)}</th>" for about, column in zip(kinds, grid.columns, strict=True)
    )
    rows = []
    for number, (first, *cells) in enumerate(grid.rows):
        kind = "total" if number >= len(grid.rows) - grid.totals else ""
        figures = "".join(
            f"<td{about}>{html(cell)}</td>" for about, cell in zip(kinds[1:], cells, strict=True)
        )
        rows.append(f'<tr class="{kind}"><th scope="row">{html(first)}</th>{figures}</tr>')
    titles = f"<thead><tr>{head}</tr></thead>"
    table = f'<table class="figures">{titles}<tbody>{"".join(rows)}</tbody></table>'
    return scrolling(table, grid.title)
