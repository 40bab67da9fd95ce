import re

import pytest

from edgekit.benchmarks.report import charts, svg
from edgekit.benchmarks.result import Result, Subject

MODEL = Subject("model.tflite", "", "litert")


def accuracy_of(share: float, low: float, high: float) -> Result:
    return Result(MODEL, "accuracy", "class", summary={"accuracy": share, "interval": [low, high]})


def latency_of(**percentiles: float) -> Result:
    return Result(MODEL, "latency", "s", summary=percentiles)


def percents(of: svg.Scale, *values: float) -> list[str]:
    return [f"{of(value):.2f}%" for value in values]


def spans(chart: str, kind: str) -> list[tuple[str, str]]:
    return re.findall(rf'<line class="{kind} ours" x1="([^"]+)" x2="([^"]+)"', chart)


def dots(chart: str) -> list[str]:
    return re.findall(r'<circle class="ours" cx="([^"]+)"', chart)


def labels(chart: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]+)</text>", chart)


def test_accuracy_is_a_dot_in_its_interval() -> None:
    chart = charts.accuracy([accuracy_of(0.7, 0.5, 0.9)], limit=0.6)
    assert labels(chart)[0] == "0.4"
    scale = svg.linear(0.4, 1.0)
    low, share, high, limit = percents(scale, 0.5, 0.7, 0.9, 0.6)
    assert spans(chart, "range") == [(low, high)]
    assert dots(chart) == [share]
    assert f'<line class="gate" x1="{limit}"' in chart


@pytest.mark.parametrize(("low", "limit"), [(0.5, 0.0), (0.0, None), (0.05, 0.99)])
def test_accuracy_stays_between_0_and_1(low: float, limit: float | None) -> None:
    chart = charts.accuracy([accuracy_of(0.7, low, 0.9)], limit)
    assert labels(chart) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]


def test_latency_is_a_dot_at_the_median_with_lines_to_the_percentiles() -> None:
    chart = charts.latency([latency_of(p50=2e-6, p90=5e-6, p99=3e-5)])
    p50, p90, p99 = percents(svg.logarithmic(1e-6, 1e-4), 2e-6, 5e-6, 3e-5)
    assert dots(chart) == [p50]
    assert spans(chart, "range") == [(p50, p90)]
    assert spans(chart, "tail") == [(p50, p99)]


def test_latency_without_p99_ends_at_p90() -> None:
    chart = charts.latency([latency_of(p50=2e-6, p90=5e-6)])
    p50, p90 = percents(svg.logarithmic(1e-6, 1e-5), 2e-6, 5e-6)
    assert spans(chart, "range") == [(p50, p90)]
    assert all(end == (p50, p90) for end in spans(chart, "tail"))
