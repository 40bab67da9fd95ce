"""Charts of the results: accuracy with its interval, latency, footprint."""

from collections.abc import Iterable, Sequence

from edgekit.benchmarks.report import svg
from edgekit.benchmarks.report.units import quantity, share
from edgekit.benchmarks.result import Result, Subject, select
from edgekit.escape import html


def accuracy(results: Iterable[Result], limit: float | None) -> str:
    """Return a dot and a 95 % interval for each subject, and the gate's limit as a line."""
    measured = _measured(results, "accuracy")
    if not measured:
        return ""
    lows = [result.summary["interval"][0] for result in measured]
    ticks = svg.linear_ticks(min(lows if limit is None else [*lows, limit]), 1.0)
    if len(ticks) > 1 and ticks[0] > 0:
        ticks = [round(ticks[0] - (ticks[1] - ticks[0]), 12), *ticks]
    scale = svg.linear(ticks[0], ticks[-1])
    rows = []
    for result in measured:
        figures, kind = result.summary, _kind(result.subject)
        low, high = map(scale, figures["interval"])
        parts = svg.grid(map(scale, ticks))
        if limit is not None:
            parts.append(svg.rule(scale(limit), "gate"))
        parts += [svg.span(low, high, f"range {kind}"), svg.dot(scale(figures["accuracy"]), kind)]
        value = share(figures["accuracy"])
        rows.append(row(name(result.subject), svg.strip(parts, f"accuracy {value}"), value))
    decimals = max(len(f"{tick:.6f}".rstrip("0").partition(".")[2]) for tick in ticks)
    labels = [f"{tick:.{decimals}f}" for tick in ticks]
    return chart(rows, svg.axis([scale(tick) for tick in ticks], labels))


def latency(results: Iterable[Result]) -> str:
    """Return the median as a dot, a line to the 90 % and a thin one to the 99 % percentile.

    A subject without a 99 % percentile has no thin line.
    """
    measured = _measured(results, "latency")
    if not measured:
        return ""
    ticks = svg.powers_of_ten(
        min(result.summary["p50"] for result in measured),
        max(_highest(result) for result in measured),
    )
    scale = svg.logarithmic(ticks[0], ticks[-1])
    rows = []
    for result in measured:
        kind = _kind(result.subject)
        p50, p90 = (scale(result.summary[key]) for key in ("p50", "p90"))
        parts = [
            *svg.grid(map(scale, ticks)),
            svg.span(p50, scale(_highest(result)), f"tail {kind}"),
            svg.span(p50, p90, f"range {kind}"),
            svg.dot(p50, kind),
        ]
        value = quantity(result.summary["p50"], "s")
        rows.append(row(name(result.subject), svg.strip(parts, f"median latency {value}"), value))
    labels = [quantity(tick, "s").replace(".00", "").replace(".0", "") for tick in ticks]
    return chart(rows, svg.axis([scale(tick) for tick in ticks], labels))


def bars(results: Iterable[Result], metric: str) -> str:
    """Return a bar for the median of ``metric`` of each subject."""
    measured = _measured(results, metric)
    if not measured:
        return ""
    most = max(result.summary["median"] for result in measured) or 1.0
    title = metric.replace("_", " ")
    rows = []
    for result in measured:
        value = quantity(result.summary["median"], result.unit)
        width = 100 * result.summary["median"] / most
        plot = svg.strip([svg.bar(width, _kind(result.subject))], f"{title} {value}")
        rows.append(row(name(result.subject), plot, value))
    return chart(rows, "")


def _measured(results: Iterable[Result], metric: str) -> list[Result]:
    return [result for result in select(results, metric).values() if result.status == "measured"]


def _highest(latency: Result) -> float:
    return float(latency.summary.get("p99", latency.summary["p90"]))


def _kind(subject: Subject) -> str:
    return "peer" if subject.peer else "ours"


def row(label: str, plot: str, value: str) -> str:
    """Return a row of a chart: its label (HTML), the strip, its figure as text."""
    return (
        f'<div class="row"><span class="name">{label}</span>{plot}'
        f'<span class="value">{html(value)}</span></div>'
    )


def chart(rows: Sequence[str], axis: str) -> str:
    """Return the rows above the axis; "" for none."""
    scale = f'<div class="row scale"><span></span>{axis}<span></span></div>' if axis else ""
    return f'<div class="chart">{"".join(rows)}{scale}</div>'


def name(subject: Subject) -> str:
    """Return the subject's name as HTML: model and backend."""
    if not subject.model:
        return html(subject.backend)
    return f"{html(subject.model)} <small>{html(subject.backend)}</small>"
