"""Test inputs as pictures of a report: what ``edgekit.benchmarks.shown`` makes of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgekit.escape import html


def drawn(one: Mapping[str, Any], about: str) -> str:
    """Return an input as HTML; "" if there is no form for it.

    Args:
        one: a result of ``shown``.
        about: what it is, for screen readers.
    """
    if "png" in one:
        return f'<img alt="{html(about)}" src="data:image/png;base64,{one["png"]}">'
    if "curves" in one:
        return _curves(one["curves"], about)
    if "values" in one:
        rows = "".join(
            f"<tr><th>{html(name)}</th><td>{value:g}</td></tr>" for name, value in one["values"]
        )
        more = f"<tr><th>{one['more']} more</th></tr>" if one["more"] else ""
        return f'<table class="values">{rows}{more}</table>'
    return ""


def _curves(curves: Sequence[Sequence[float]], about: str) -> str:
    low = min(map(min, curves))
    span = max(map(max, curves)) - low or 1.0
    lines = "".join(
        f'<polyline class="curve{number % 6}" points="'
        + " ".join(
            f"{100 * at / (len(curve) - 1):.1f},{100 - 100 * (value - low) / span:.1f}"
            for at, value in enumerate(curve)
        )
        + '"/>'
        for number, curve in enumerate(curves)
    )
    return (
        f'<svg class="curves" role="img" aria-label="{html(about)}" viewBox="0 0 100 100" '
        f'preserveAspectRatio="none">{lines}</svg>'
    )
