import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from edgekit.sweep import report
from edgekit.sweep.measurement import Measurement
from edgekit.train.recipe import INITIALIZERS

MeasurementOf = Callable[..., Measurement]
VOID = {"meta", "line", "circle", "rect", "br"}


class Nesting(HTMLParser):
    """Raises when a tag is not closed by its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, _attrs: object) -> None:
        assert tag in VOID | {"circle"}


@pytest.fixture
def study(row_of: MeasurementOf) -> list[Measurement]:
    nodes = [row_of(hidden=hidden, flash=2000 + 100 * hidden) for hidden in (2, 3, 14)]
    return nodes + [row_of(3, flash=3400, initializer=name) for name in INITIALIZERS[1:]]


def titles(text: str) -> list[str]:
    return re.findall("<h2>(.*?)</h2>", text)


def test_the_study_has_all_its_pictures_and_needs_no_other_file(study: list[Measurement]) -> None:
    text = report.render(study, study[0].basis)
    Nesting(text)
    assert titles(text) == [
        "Points",
        "Accuracy against hidden nodes",
        "Cost against hidden nodes",
        "By initializer",
        "Pareto front",
        "Confusion",
        "Measured on",
    ]
    assert not re.search(r"(?:src|href)=|<script|@import|url\(", text)
    bars = text[text.index("By initializer") : text.index("Pareto front")]
    assert bars.count("<rect") == 2 * len(INITIALIZERS)
    assert bars.count('class="interval"') == 2 * len(INITIALIZERS)
    for name in INITIALIZERS:
        assert name in bars


def test_the_front_is_listed(study: list[Measurement]) -> None:
    text = report.render(study, study[0].basis)
    front = text[text.index("Pareto front") : text.index("Confusion")]
    # All of equal accuracy and two nodes the cheapest: nothing else is on the front.
    assert re.findall("<li>(.*?)</li>", front) == [
        "hidden 2, initializer glorot-uniform: 0.9990, 2,200 bytes"
    ]
    assert "against flash" in front


def test_without_firmware_the_front_is_against_the_files_size(row_of: MeasurementOf) -> None:
    rows = [row_of(hidden=hidden, flash=None) for hidden in (2, 3)]
    text = report.render(rows, rows[0].basis)
    front = text[text.index("Pareto front") : text.index("Confusion")]
    assert "against bytes of the int8 file" in front
    assert "unicorn is not installed" in text


def test_a_dot_stands_where_its_figures_say(row_of: MeasurementOf) -> None:
    rows = [row_of(0, hidden=2), row_of(100, hidden=12)]
    text = report.render(rows, rows[0].basis)
    plot = text[text.index("Accuracy against") : text.index("Cost against")]
    places = {
        title: (float(x), float(y))
        for x, y, title in re.findall(
            r'cx="([\d.]+)%" cy="([\d.]+)%" r="4.5"><title>(.*?)</title>', plot
        )
    }
    (left, top), (right, bottom) = (
        places["hidden 2, float32: 1.0000"],
        places["hidden 12, float32: 0.9500"],
    )
    assert left < right
    assert top < bottom


def test_a_narrow_screen_gets_fewer_labels_and_none_is_cut(row_of: MeasurementOf) -> None:
    rows = [row_of(hidden=hidden, flash=2000 + 100 * hidden) for hidden in range(2, 11)]
    text = report.render(rows, rows[0].basis)
    plot = text[text.index("Accuracy against") : text.index("Cost against")]
    below = re.findall(r'<text( class="minor")? x="[\d.]+%" y="86.00%"[^>]*>(\d+)</text>', plot)
    assert [label for minor, label in below if not minor] == ["2", "4", "6", "8", "10"]
    assert [label for minor, label in below if minor] == ["3", "5", "7", "9"]
    # The labels of the left axis stand in a margin that does not shrink with the plot.
    assert re.search(r"\.plane \{[^}]*margin: 0 [\d.]+rem 0 [\d.]+rem", text)
    assert re.search(r'<text class="side" x="0" dx="-', plot)
    assert re.search(r"@media \(max-width: 40rem\) \{\s*\.minor \{ display: none; \}", text)


def test_the_matrices_are_a_grid(study: list[Measurement]) -> None:
    text = report.render(study, study[0].basis)
    assert '<div class="matrices" style="--width: 10.6rem">' in text
    assert re.search(r"\.matrices \{ display: grid", text)


@pytest.mark.parametrize("count", [0, 1])
def test_points_that_failed_leave_a_report(row_of: MeasurementOf, count: int) -> None:
    failed = Measurement(
        row_of(hidden=4).recipe,
        row_of().basis,
        failure="training <diverged>",
        worker={"CPU": "x", "host": "y"},
        time="2026",
    )
    rows = [failed, *[row_of(hidden=2)] * count]
    text = report.render(rows, failed.basis)
    Nesting(text)
    assert "training &lt;diverged&gt;" in text
