"""The error of each layer of a converted model as a plot."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgekit.benchmarks.report import svg
from edgekit.benchmarks.report.charts import chart, row
from edgekit.escape import html

NOTE = (
    "Dot: the signal-to-noise ratio of a layer's output, the converted model's against the float "
    "model's, in decibels; 6 dB are a bit. Red line: what is lost in this layer, and not in those "
    "before it."
)

STYLE = """
line.lost { stroke: var(--bad); stroke-width: 4; opacity: 0.55; stroke-linecap: round; }
circle.broken { fill: var(--bad); }
.errors .plot { height: 1.7rem; }
"""

LOST = 6.0
"""Decibels, a bit, from which a layer's loss is in its dot's colour."""


def layer_errors(errors: Sequence[Mapping[str, Any]]) -> str:
    """Return a strip for each layer; "" without layers.

    Args:
        errors: "op", "exact", "snr_db" (None for noise alone, unless exact) and "lost_db" (None
            where all is lost) of each layer.
    """
    if not errors:
        return ""
    ends = [end for error in errors for end in _ends(error)]
    low, high = min(0.0, *ends), max(10.0, *ends)
    scale, ticks = svg.linear(low, high), svg.linear_ticks(low, high)
    rows = [_row(error, scale, ticks) for error in errors]
    axis = svg.axis([scale(tick) for tick in ticks], [f"{tick:g} dB" for tick in ticks])
    return f'<div class="errors">{chart(rows, axis)}</div>'


def _row(error: Mapping[str, Any], scale: svg.Scale, ticks: Sequence[float]) -> str:
    parts, ratio, lost = svg.grid(map(scale, ticks)), error["snr_db"], error["lost_db"]
    if error["exact"]:
        return row(html(error["op"]), svg.strip(parts, "exact"), "exact")
    text = "noise only" if ratio is None else f"{ratio:.1f} dB"
    ends = sorted(_ends(error))
    if len(ends) > 1:
        parts.append(svg.span(scale(ends[0]), scale(ends[1]), "lost"))
    broken = ratio is None or lost is None or lost >= LOST
    parts.append(svg.dot(scale(ratio or 0.0), "broken" if broken else "ours"))
    return row(html(error["op"]), svg.strip(parts, f"error {text}"), text)


def _ends(error: Mapping[str, Any]) -> list[float]:
    """Return a layer's ratio, and what it would be without the loss; a ratio of 0 for noise."""
    ratio, lost = error["snr_db"] or 0.0, error["lost_db"]
    return [ratio, ratio + lost] if lost and lost > 0 else [ratio]
