"""The sweep as one self-contained HTML file: table, plots, confusion, Pareto front."""

from collections.abc import Sequence
from importlib.resources import files

from edgekit.benchmarks.report import svg
from edgekit.benchmarks.report.answers import confusions
from edgekit.benchmarks.report.charts import chart, row
from edgekit.benchmarks.report.page import facts, header, page, scrolling, section
from edgekit.benchmarks.report.units import quantity, share, three_digits
from edgekit.benchmarks.result import Result, Subject
from edgekit.escape import html
from edgekit.sweep import table
from edgekit.sweep.measurement import ACCURACIES, Basis, Measurement
from edgekit.sweep.plot import Axis, Dot, plane
from edgekit.sweep.summary import (
    Accuracy,
    Point,
    accuracy,
    middle,
    pareto,
    points,
    series,
    value_text,
    varied,
    words,
)

COSTS = (
    ("seconds", "seconds of training", "s"),
    ("int8_bytes", "bytes of the int8 file", "bytes"),
    ("int8_deflated_bytes", "bytes of the int8 file, deflated", "bytes"),
    ("macs", "multiply-accumulates", "1"),
    ("latency_s", "latency of one image, int8, native", "s"),
    ("flash_bytes", "flash", "bytes"),
    ("ram_bytes", "RAM", "bytes"),
    ("instructions", "instructions of one inference", "1"),
)
"""Column of the table, its title, and the unit for ``units.quantity``."""

MANY = 10
"""Most node counts that each get their own label on the axis."""

TABLE_NOTE = (
    "Accuracy of one seed with its 95 % interval (Wilson), of several as mean ± standard deviation "
    "and the lowest; other figures are medians of the seeds. Training: while other workers run. "
    "Latency: on this machine, alone, after all training. Flash, RAM (with the stack) and "
    "instructions: the int8 model as firmware on an emulated Cortex-M4, built for size."
)
HIDDEN_NOTE = (
    "Filled: int8; hollow: float32, from Keras. Line: lowest to highest seed, or with one "
    "seed the 95 % interval (Wilson)."
)
BARS_NOTE = (
    "Bar: accuracy, the mean of the seeds; filled int8, pale float32. The axis does not begin at "
    "0. Thin line: the 95 % interval (Wilson) of that share of the test images. Thick line: lowest "
    "to highest seed."
)
PARETO_NOTE = (
    "Filled and connected: points that no other one beats in both accuracy and cost. "
    "Accuracy is the mean of the seeds; differences within the intervals above are chance."
)


def render(rows: Sequence[Measurement], basis: Basis) -> str:
    """Return the report of a sweep."""
    all_points = points(rows)
    good = [point for point in all_points if point.rows]
    others = [key for key in varied(rows) if key != "hidden"]
    body = [
        _header(rows, all_points, basis),
        section("Points", _table(rows), TABLE_NOTE),
        section("Accuracy against hidden nodes", _accuracy_against_hidden(good), HIDDEN_NOTE),
        section("Cost against hidden nodes", _cost_against_hidden(good)),
        *(section(f"By {words(key)}", _bars(good, key), BARS_NOTE) for key in others),
        section("Pareto front", _pareto(good), PARETO_NOTE),
        section("Confusion", confusions(_results(good))),
        section("Measured on", _environment(rows, basis)),
    ]
    style = files("edgekit.sweep").joinpath("sweep.css").read_text(encoding="utf-8")
    return page("edgekit sweep", body, style)


def _header(rows: Sequence[Measurement], all_points: Sequence[Point], basis: Basis) -> str:
    data, seeds = basis.data, len({row.recipe.seed for row in rows})
    about = (
        f"{len(all_points)} points, {seeds} seed{'s' * (seeds > 1)}, on {data['name']} "
        f"({', '.join(data['classes'])}): {data['train']:,} training and {data['test']:,} test "
        "images."
    )
    synthetic = "Synthetic digits, drawn by code: not real handwriting."
    return header(
        "edgekit sweep",
        " × ".join(map(words, varied(rows))),
        about,
        banners=[synthetic] if data["name"] == "synthetic" else [],
    )


def _table(rows: Sequence[Measurement]) -> str:
    titles, *lines = table.cells(rows)
    label_columns = len(varied(rows))
    head = "".join(f"<th>{html(title)}</th>" for title in titles)
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{html(cell)}</th>'
            if index < label_columns
            else f"<td>{html(cell)}</td>"
            for index, cell in enumerate(line)
        )
        + "</tr>"
        for line in lines
    )
    notes = "".join(f'<p class="note">{html(note)}</p>' for note in table.notes(rows))
    figures = f'<table class="figures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return scrolling(figures, "Points") + notes


def _accuracy_against_hidden(good: Sequence[Point]) -> str:
    plots = []
    for name, group in series(good, "hidden").items():
        dots = []
        for kind, style in zip(ACCURACIES, ("peer", "ours"), strict=True):
            for point in group:
                got = accuracy(point, kind)
                title = f"{point.name}, {kind}: {share(got.mean)}"
                hidden = point.settings["hidden"]
                dots.append(Dot(hidden, got.mean, title, _range(got), style))
        y = _share_axis([end for dot in dots for end in dot.range or ()], "accuracy")
        plots.append(_titled(name, plane(dots, _hidden_axis(group), y)))
    return "".join(plots)


def _cost_against_hidden(good: Sequence[Point]) -> str:
    plots = []
    for name, group in series(good, "hidden").items():
        drawn = []
        for column, title, unit in COSTS:
            figure = table.BY_NAME[column].figure
            costs = [(point, middle(point, figure)) for point in group]
            dots = [
                Dot(point.settings["hidden"], cost, f"{point.name}: {_cost_text(cost, unit)}")
                for point, cost in costs
                if cost is not None
            ]
            if dots:
                y = _cost_axis([0.0, *(dot.y for dot in dots)], title, unit)
                drawn.append(plane(dots, _hidden_axis(group), y))
        plots.append(_titled(name, f'<div class="planes">{"".join(drawn)}</div>'))
    return "".join(plots)


def _bars(good: Sequence[Point], key: str) -> str:
    charts = []
    for name, group in series(good, key).items():
        both = [(point, kind, accuracy(point, kind)) for point in group for kind in ACCURACIES]
        bounds = [end for _, _, got in both for end in (*got.interval, got.lowest)]
        ticks = _ticks(min(bounds), 1.0)
        scale = svg.linear(ticks[0], ticks[-1])
        drawn = []
        for point, kind, got in both:
            low, high = map(scale, got.interval)
            parts = [
                *svg.grid(map(scale, ticks)),
                svg.bar(scale(got.mean), "ours" if kind == "int8" else "peer"),
                svg.span(low, high, "interval"),
            ]
            if got.deviation is not None:
                parts.append(svg.span(scale(got.lowest), scale(got.highest), "range seeds"))
            label = f"{html(value_text(point.settings[key]))} <small>{kind}</small>"
            value = share(got.mean)
            drawn.append(row(label, svg.strip(parts, f"{kind} accuracy {value}"), value))
        axis = svg.axis([scale(tick) for tick in ticks], _share_labels(ticks))
        charts.append(_titled(name, chart(drawn, axis)))
    return "".join(charts)


def _pareto(good: Sequence[Point]) -> str:
    """Draw int8 accuracy against flash, or the int8 file's size where there is no flash."""
    if len(good) < 2:
        return ""
    flash, size = table.BY_NAME["flash_bytes"].figure, table.BY_NAME["int8_bytes"].figure
    has_flash = all(middle(point, flash) is not None for point in good)
    figure, title = (flash, "flash") if has_flash else (size, "bytes of the int8 file")
    pairs = [(accuracy(point, "int8").mean, middle(point, figure) or 0.0) for point in good]
    dots = [
        Dot(
            cost,
            got,
            f"{point.name}: {share(got)}, {cost:,.0f} bytes",
            kind="ours" if best else "peer",
        )
        for point, (got, cost), best in zip(good, pairs, pareto(pairs), strict=True)
    ]
    front = sorted((dot for dot in dots if dot.kind == "ours"), key=lambda dot: dot.x)
    x = _cost_axis([dot.x for dot in dots], title, "bytes")
    drawn = plane(dots, x, _share_axis([dot.y for dot in dots], "int8 accuracy"), front)
    listed = "".join(f"<li>{html(dot.title)}</li>" for dot in front)
    return f"{drawn}<ul>{listed}</ul>"


def _results(good: Sequence[Point]) -> list[Result]:
    """Return the accuracies of all rows as the benchmark's records."""
    results = []
    for point in good:
        for measurement in point.rows:
            name = point.name
            if len(point.rows) > 1:
                name += f", seed {measurement.recipe.seed}"
            about = {"labels": measurement.basis.data["classes"]}
            results += [
                Result(
                    Subject(name, "", kind),
                    "accuracy",
                    "class",
                    summary=measurement.accuracy[kind],
                    dataset=about,
                )
                for kind in ACCURACIES
            ]
    return results


def _environment(rows: Sequence[Measurement], basis: Basis) -> str:
    known = dict(basis.versions)
    known["data"] = f"{basis.data['name']}, SHA-256 {basis.data['sha256']}"
    known["workers"] = ", ".join(
        dict.fromkeys(f"{m.worker['host']} ({m.worker['CPU']})" for m in rows)
    )
    times = sorted(m.time for m in rows)
    known["time"] = f"{times[0]} to {times[-1]}"
    return facts(known.items())


def _range(got: Accuracy) -> tuple[float, float]:
    return got.interval if got.deviation is None else (got.lowest, got.highest)


def _titled(name: str, content: str) -> str:
    return f"<h3>{html(name)}</h3>{content}" if name else content


def _cost_text(value: float, unit: str) -> str:
    return quantity(value, unit) if unit != "1" else f"{value:,.0f}"


def _ticks(low: float, high: float) -> list[float]:
    """Return round values that enclose ``low`` to ``high``, accuracies not beyond 1."""
    ticks = svg.linear_ticks(low, high)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else (high - low) or 1.0
    if not ticks or ticks[0] > low:
        first = ticks[0] if ticks else high
        ticks = [round(first - step, 12), *ticks]
    if ticks[-1] < high:
        ticks = [*ticks, round(ticks[-1] + step, 12)]
    return ticks


def _share_axis(values: Sequence[float], title: str) -> Axis:
    ticks = _ticks(min(values), 1.0)
    return Axis(ticks, _share_labels(ticks), title)


def _share_labels(ticks: Sequence[float]) -> list[str]:
    decimals = max(len(f"{tick:.6f}".rstrip("0").partition(".")[2]) for tick in ticks)
    return [f"{tick:.{decimals}f}" for tick in ticks]


def _cost_axis(values: Sequence[float], title: str, unit: str) -> Axis:
    ticks = _ticks(min(values), max(values))
    if unit == "1":
        return Axis(ticks, [_thousands(tick) for tick in ticks], title)
    return Axis(ticks, [quantity(tick, unit) if tick else "0" for tick in ticks], title)


def _thousands(value: float) -> str:
    return f"{three_digits(value / 1000)} k" if value >= 1000 else f"{value:,.0f}"


def _hidden_axis(group: Sequence[Point]) -> Axis:
    nodes = sorted({point.settings["hidden"] for point in group})
    if len(nodes) > MANY:
        nodes = _ticks(nodes[0], nodes[-1])
    return Axis(nodes, [f"{node:g}" for node in nodes], "hidden nodes")
