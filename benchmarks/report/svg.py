"""Drawing with inline SVG: strips as wide as their box, with positions in percent.

Percentages instead of a viewBox let a strip fill a phone or a wide screen while dots stay round and
text keeps its size. Colours are classes, which the style sheet defines for light and dark.
"""

from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, log10

from edgekit.escape import html

Scale = Callable[[float], float]
"""Value -> percent from the left."""

MARGIN = 2.0
"""Margin at both ends in percent, so that a dot at the edge is whole."""

FEW_LABELS = 4
"""Number of tick labels that fit on a phone."""


def linear(low: float, high: float) -> Scale:
    """Return the scale that spreads ``low`` to ``high`` evenly over the strip."""
    span = (high - low) or 1.0
    return lambda value: MARGIN + (100 - 2 * MARGIN) * (value - low) / span


def logarithmic(low: float, high: float) -> Scale:
    """Return the scale that gives each power of ten the same length; ``low`` is above 0."""
    scale = linear(log10(low), log10(high))
    return lambda value: scale(log10(value))


def linear_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return at most ``most`` round values from ``low`` to ``high``, steps of 1, 2 or 5."""
    raw = ((high - low) or 1.0) / (most - 1)
    power = 10.0 ** floor(log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.9999)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def powers_of_ten(low: float, high: float) -> list[float]:
    """Return the powers of ten around the positive values ``low`` to ``high``."""
    return [
        10.0**i for i in range(floor(log10(low)), max(ceil(log10(high)), 1 + floor(log10(low))) + 1)
    ]


def strip(parts: Iterable[str], label: str, kind: str = "plot") -> str:
    """Return an SVG as wide as its box; the style sheet gives ``kind`` its height."""
    return f'<svg class="{kind}" role="img" aria-label="{html(label)}">{"".join(parts)}</svg>'


def grid(positions: Iterable[float]) -> list[str]:
    """Return vertical lines at ``positions``, percent."""
    return [rule(x, "grid") for x in positions]


def rule(x: float, kind: str) -> str:
    """Return a vertical line at ``x`` percent."""
    return f'<line class="{kind}" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="100%"/>'


def span(low: float, high: float, kind: str) -> str:
    """Return a horizontal line in the middle from ``low`` to ``high`` percent."""
    return f'<line class="{kind}" x1="{low:.2f}%" x2="{high:.2f}%" y1="50%" y2="50%"/>'


def dot(x: float, kind: str) -> str:
    """Return a dot in the middle at ``x`` percent."""
    return f'<circle class="{kind}" cx="{x:.2f}%" cy="50%" r="5"/>'


def bar(width: float, kind: str, top: int = 25, height: int = 50) -> str:
    """Return a bar from the left edge to ``width`` percent; ``top`` and ``height`` in percent."""
    return f'<rect class="{kind}" x="0" y="{top}%" width="{width:.2f}%" height="{height}%" rx="2"/>'


def axis(positions: Sequence[float], labels: Sequence[str]) -> str:
    """Return the strip of tick labels below a chart."""
    texts = [
        f'<text{kind} x="{x:.2f}%" y="1em">{html(label)}</text>'
        for x, label, kind in zip(positions, labels, kinds(len(labels)), strict=True)
    ]
    return strip(texts, "axis", kind="axis")


def kinds(count: int) -> list[str]:
    """Return an attribute for each of ``count`` tick labels: of many, every second is minor.

    The style sheet hides the minor ones on a narrow screen.
    """
    attributes = ["" if (count - 1 - i) % 2 == 0 else ' class="minor"' for i in range(count)]
    return attributes if count > FEW_LABELS else [""] * count
