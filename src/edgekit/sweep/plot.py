"""Scatter plots as inline SVG: as wide as their box, with positions in percent."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from edgekit.benchmarks.report import svg
from edgekit.escape import html

LEFT, RIGHT, TOP, BOTTOM = 1.0, 99.0, 4.0, 86.0
"""Bounds of the plot in percent of the box; the labels at its left are in the box's margin."""


@dataclass(frozen=True)
class Dot:
    """A point of a plot.

    Attributes:
        x: position in the units of the axis.
        y: position in the units of the axis.
        title: text of the tooltip.
        range: an interval of y, drawn as a line; None for none.
        kind: class in the style sheet, "ours" or "peer".
    """

    x: float
    y: float
    title: str
    range: tuple[float, float] | None = None
    kind: str = "ours"


@dataclass(frozen=True)
class Axis:
    """The lines of an axis and their labels.

    Attributes:
        ticks: values in ascending order; the first and the last are the bounds.
        labels: a text for each tick.
        title: quantity on the axis.
    """

    ticks: Sequence[float]
    labels: Sequence[str]
    title: str


def plane(dots: Sequence[Dot], x: Axis, y: Axis, path: Sequence[Dot] = ()) -> str:
    """Return the dots between labelled axes; lines connect those of ``path``, in its order."""
    across, up = _scale(x.ticks, LEFT, RIGHT), _scale(y.ticks, BOTTOM, TOP)
    parts = []
    for tick, label in zip(y.ticks, y.labels, strict=True):
        at = up(tick)
        parts.append(_line(LEFT, RIGHT, at, at, "grid"))
        parts.append(
            f'<text class="side" x="0" dx="-0.4em" y="{at:.2f}%" dy="0.35em">{html(label)}</text>'
        )
    for tick, label, kind in zip(x.ticks, x.labels, svg.kinds(len(x.labels)), strict=True):
        at = across(tick)
        parts.append(_line(at, at, TOP, BOTTOM, "grid"))
        place = f'x="{at:.2f}%" y="{BOTTOM:.2f}%" dy="1.8em"'
        parts.append(f"<text{kind} {place}>{html(label)}</text>")
    for a, b in pairwise(path):
        parts.append(_line(across(a.x), across(b.x), up(a.y), up(b.y), "front"))
    for dot in dots:
        at = across(dot.x)
        if dot.range:
            low, high = map(up, dot.range)
            parts.append(_line(at, at, low, high, f"range {dot.kind}"))
        parts.append(
            f'<circle class="{dot.kind}" cx="{at:.2f}%" cy="{up(dot.y):.2f}%" r="4.5">'
            f"<title>{html(dot.title)}</title></circle>"
        )
    label = f"{y.title} against {x.title}"
    plot = svg.strip(parts, label, kind="plane")
    return f'<figure>{plot}<figcaption class="note">{html(label)}</figcaption></figure>'


def _scale(ticks: Sequence[float], first: float, last: float) -> svg.Scale:
    low, span = ticks[0], (ticks[-1] - ticks[0]) or 1.0
    return lambda value: first + (last - first) * (value - low) / span


def _line(x1: float, x2: float, y1: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.2f}%" x2="{x2:.2f}%" y1="{y1:.2f}%" y2="{y2:.2f}%"/>'
