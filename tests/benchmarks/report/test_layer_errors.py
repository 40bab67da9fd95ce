import re

from edgekit.benchmarks.report.layer_errors import layer_errors
from pages import Page

ERRORS = [
    {"op": "0 RESHAPE", "exact": True, "snr_db": None, "lost_db": 0.0},
    {"op": "1 CONV_2D", "exact": False, "snr_db": 40.0, "lost_db": 10.0},
    {"op": "2 CONV_2D", "exact": False, "snr_db": 39.0, "lost_db": 1.0},
    {"op": "3 ADD", "exact": False, "snr_db": -5.0, "lost_db": 44.0},
    {"op": "4 SUB", "exact": False, "snr_db": None, "lost_db": None},
]


def test_each_layer_has_its_ratio_and_what_it_loses() -> None:
    drawn = layer_errors(ERRORS)
    page = Page(drawn)
    for text in ("exact", "40.0 dB", "39.0 dB", "-5.0 dB", "noise only"):
        assert text in page.text
    dots = re.findall(r'<circle class="(\w+)" cx="([\d.]+)%"', drawn)
    assert [kind for kind, _ in dots] == ["broken", "ours", "broken", "broken"]
    lines = re.findall(r'<line class="lost" x1="([\d.]+)%" x2="([\d.]+)%"', drawn)
    assert [start for start, _ in lines] == [at for _, at in dots[:3]]
    # From -5 dB, the lowest ratio, to 50 dB, from which layer 1 loses.
    decibels = [(float(end) - float(start)) * 55 / 96 for start, end in lines]
    assert [round(one, 1) for one in decibels] == [10, 1, 44]


def test_without_layers_there_is_no_plot() -> None:
    assert layer_errors([]) == ""
