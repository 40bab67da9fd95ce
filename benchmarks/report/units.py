"""Figures as people read them: three significant digits and an SI prefix."""

from collections.abc import Sequence

SECONDS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
BYTES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0))
RATE = (("M/s", 1e6), ("k/s", 1e3), ("/s", 1.0))
COUNT = (("G", 1e9), ("M", 1e6), ("k", 1e3))
MACS = (("TMAC/s", 1e12), ("GMAC/s", 1e9), ("MMAC/s", 1e6), ("MAC/s", 1.0))


def quantity(value: float, unit: str) -> str:
    """Format a figure by its result's unit: "2.14 µs", "13.6 kB", "120 k/s", "1.25"."""
    match unit:
        case "s":
            return _prefixed(value, SECONDS)
        case "bytes":
            return _prefixed(value, BYTES)
        case "images/s":
            return _prefixed(value, RATE)
        case "MAC/s":
            return _prefixed(value, MACS)
        case _:
            return three_digits(value)


def share(value: float) -> str:
    """Format a share of 1 precisely enough to show one image of ten thousand: "0.9995"."""
    return f"{value:.4f}"


def whole(value: float) -> str:
    """Format a count in full: "12,128"."""
    return f"{value:,.0f}"


def short(value: float) -> str:
    """Format a count with three significant digits: "12.1 k"; in full below 1,000."""
    return f"{value:.0f}" if value < 999.5 else _prefixed(value, COUNT)


def three_digits(value: float) -> str:
    """Format with three significant digits and no exponent: "2.14", "48.2", "361"; 0 is "0"."""
    if value == 0:
        return "0"
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def _prefixed(value: float, units: Sequence[tuple[str, float]]) -> str:
    """Format with the first of ``units`` (largest first) that gives 1 or more."""
    # 999.7 ms is shown as 1.00 s, not as 1000 ms.
    fitting = ((unit, factor) for unit, factor in units if value >= 0.9995 * factor)
    unit, factor = next(fitting, units[-1])
    return f"{three_digits(value / factor)} {unit}"
