import pytest

from edgekit.benchmarks.report.units import quantity


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2.1437e-6, "s", "2.14 µs"),
        (0.0482, "s", "48.2 ms"),
        (0.9994, "s", "999 ms"),
        (0.9996, "s", "1.00 s"),
        (3.6149, "s", "3.61 s"),
        (5e-10, "s", "0.50 ns"),
        (45984, "bytes", "46.0 kB"),
        (612, "bytes", "612 B"),
        (2.14e9, "bytes", "2.14 GB"),
        (120_000, "images/s", "120 k/s"),
        (1.25, "1", "1.25"),
        (30612.4, "1", "30612"),
        (0, "bytes", "0 B"),
    ],
)
def test_three_significant_digits(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text
