"""Layers as text, Markdown, HTML and JSON, from made-up records."""

from dataclasses import replace
from typing import Any

import pytest

import documents
from edgekit.benchmarks import layers
from edgekit.benchmarks.report import layer_formats
from edgekit.benchmarks.report.layers import PEAKS_NOTE, grids, profiles, slowest
from edgekit.benchmarks.result import Result, Subject, stamped
from pages import HOSTILE, Page

MODEL = "net.tflite"
MACHINE = {"CPU": "Cortex-A72"}
PEAK = 100e9


def subject(backend: str, model: str = MODEL) -> Subject:
    return Subject(model, "ab" * 32, backend)


def step(number: int, op: int | None, name: str, microseconds: float, macs: int | None) -> Result:
    """A step of edgekit's engine."""
    seconds = 1e-6 * microseconds
    summary = {
        "step": number,
        "op": op,
        "name": name,
        "kernel": f"{name.lower()}_int8",
        "level": "avx2",
        "type": "int8",
        "output": [1, 4, 4, 8],
        "median": seconds,
        "p90": seconds,
        "min": seconds,
        "runs": 1,
        "clock": 3e-8,
        **layers.rates(macs, seconds, PEAK),
    }
    return Result(subject("native"), layers.TIME, "s", (seconds,), summary)


def there(number: int, op: int | None, name: str, microseconds: int, macs: int | None) -> Result:
    """An op of LiteRT."""
    ours = step(number, op, name, microseconds, macs)
    removed = {"level", "output", "clock"}
    summary = {key: value for key, value in ours.summary.items() if key not in removed}
    return replace(ours, subject=subject("litert"), summary=summary)


def latency(backend: str, seconds: float) -> Result:
    summary = {"p50": seconds, "p90": seconds, "calls": 10, "rounds": 1}
    return Result(subject(backend), "latency", "s", (seconds,), summary)


@pytest.fixture
def results() -> list[Result]:
    peak = {"level": "avx2", "type": "int8", "rate": PEAK}
    ratio = {"reference": "net.tflite on litert", "median": 2.0, "low": 2.0, "high": 2.0}
    made = [
        Result(Subject("", "", "avx2 int8"), layers.PEAK, "MAC/s", (PEAK,), peak),
        latency("native", 21e-6),
        latency("litert", 10.5e-6),
        Result(subject("native"), "latency_to_litert", "1", (2.0,), ratio),
        step(0, 1, "CONV_2D", 10, 200_000),
        step(1, 2, "ADD", 6, None),
        step(2, 3, "CONV_2D", 4, 20_000),
        step(3, None, "COPY", 0.1, None),
        there(0, 0, "PAD", 2, None),
        there(1, 1, "CONV_2D", 3, 200_000),
        there(2, None, "Clamp (NC)", 1, None),
        there(3, 2, "ADD", 1, None),
        there(4, 3, "CONV_2D", 0, 20_000),
    ]
    return [stamped(one, {}, MACHINE) for one in made]


def rows(results: list[Result]) -> dict[str, tuple[str, ...]]:
    grid, _ = grids(results)
    return {row[0]: row[1:] for row in grid.rows}


def test_a_layer_has_the_figures_of_both_engines(results: list[Result]) -> None:
    table = rows(results)
    assert table["1 CONV_2D"] == (
        *("avx2", "4×4×8", "10.0 µs", "49.8 %", "200,000", "20.0 GMAC/s", "20.0 %"),
        *("3 µs", "66.7 %"),
    )
    assert table["2 ADD"][4:] == ("–", "–", "–", "1 µs", "–")
    assert table["3 CONV_2D"][-2:] == ("< 1 µs", "–")


def test_layers_are_in_the_order_of_the_file_with_those_of_litert_alone(
    results: list[Result],
) -> None:
    table = rows(results)
    assert list(table) == [
        *("0 PAD", "1 CONV_2D", "2 ADD", "3 CONV_2D", "COPY", "only in LiteRT"),
        *("all layers", "a whole inference"),
    ]
    assert table["0 PAD"] == (*["–"] * 7, "2 µs", "–")
    assert table["only in LiteRT"][-2:] == ("1 µs", "–")
    assert table["COPY"][-2:] == ("–", "–")


def test_the_sums_are_those_of_all_layers(results: list[Result]) -> None:
    table = rows(results)
    assert table["all layers"][2:] == ("20.1 µs", "", "220,000", "10.9 GMAC/s", "", "7 µs", "")
    assert table["a whole inference"][2:] == ("21.0 µs", "", "", "", "", "10.5 µs", "")


def test_an_op_that_litert_runs_in_no_time_has_no_row_of_its_own(results: list[Result]) -> None:
    results.append(there(5, 4, "RESHAPE", 0, None))
    assert "4 RESHAPE" not in rows(results)


def test_the_slowest_layers_are_named(results: list[Result]) -> None:
    (profile,) = profiles(results)
    by_time, by_share, by_litert = slowest(profile)
    assert by_time == (
        "Slowest: 1 CONV_2D 10.0 µs (49.8 %), 2 ADD 6.00 µs (29.9 %), 3 CONV_2D 4.00 µs (19.9 %)."
    )
    assert by_share == "Furthest from the peak: 3 CONV_2D 5.00 %, 1 CONV_2D 20.0 %."
    assert by_litert == (
        "Slower than in LiteRT: 1 CONV_2D 10.0 µs (there 3 µs), 2 ADD 6.00 µs (there 1 µs), "
        "3 CONV_2D 4.00 µs (there < 1 µs)."
    )


def test_a_layer_that_may_be_as_fast_in_litert_is_not_called_slower(results: list[Result]) -> None:
    # 10 µs are not more than 9 µs and a part of one.
    exact = [there(1, 1, "CONV_2D", 9, 200_000), there(3, 2, "ADD", 6, None)]
    kept = [
        one
        for one in results
        if not (one.metric == layers.TIME and one.subject.backend != "native")
    ]
    (profile,) = profiles([*kept, *exact])
    assert not [said for said in slowest(profile) if "LiteRT" in said]


def test_text_has_tables_and_sentences(results: list[Result]) -> None:
    text = layer_formats.text(results)
    assert text.startswith("net.tflite\nop ")
    assert "A whole inference: 2.00× slower than LiteRT.\nSlowest: " in text
    assert "Peaks of this machine\n" in text
    assert "avx2 int8" in text


def test_without_litert_there_are_no_columns_of_it(results: list[Result]) -> None:
    ours = [one for one in results if one.subject.backend != "litert"]
    ours = [one for one in ours if one.metric != "latency_to_litert"]
    ours.append(
        replace(
            ours[1],
            subject=subject("litert"),
            summary={},
            samples=(),
            status="not present",
            reason="no such package",
        )
    )
    grid, _ = grids(ours)
    assert grid.columns[-1] == "of peak"
    assert {len(row) for row in grid.rows} == {len(grid.columns)}
    assert "LiteRT: by its own profiler" not in grid.note
    for text in (layer_formats.text(ours), layer_formats.as_html(ours)):
        assert "No figures for litert: no such package" in text


def test_a_model_without_figures_has_its_reason(results: list[Result]) -> None:
    odd = replace(
        results[-1],
        subject=subject("native", "odd.tflite"),
        summary={},
        samples=(),
        status="not present",
        reason="it has an odd op",
    )
    everything = [*results, odd]
    for made in (layer_formats.text, layer_formats.as_markdown, layer_formats.as_html):
        assert "it has an odd op" in made(everything), made
    assert [grid.title for grid in grids(everything)] == [MODEL, "Peaks of this machine"]


def test_the_page_has_a_bar_for_each_layer_and_engine(results: list[Result]) -> None:
    page = Page(layer_formats.as_html(results))
    bars = [attributes for tag, attributes in page.tags if tag == "rect"]
    of: dict[str, list[Any]] = {}
    for one in bars:
        of.setdefault(str(one["class"]), []).append(one["width"])
    assert of["ours"] == ["100.00%", "60.00%", "40.00%", "1.00%"]
    assert of["limit"] == ["20.00%", "2.00%"]
    assert of["peer"] == ["20.00%", "30.00%", "10.00%", "0.00%", "10.00%"]
    assert PEAKS_NOTE in page.text


def test_markdown_has_a_row_for_each_layer(results: list[Result]) -> None:
    text = layer_formats.as_markdown(results)
    assert "| 1 CONV\\_2D | avx2 | 4×4×8 | 10.0 µs |" in text
    assert "- Slowest: 1 CONV\\_2D" in text


def test_names_from_a_file_stay_text(results: list[Result]) -> None:
    hostile = [
        replace(
            one,
            subject=replace(one.subject, model=HOSTILE) if one.subject.model else one.subject,
            summary={**one.summary, **({"name": HOSTILE} if "name" in one.summary else {})},
        )
        for one in results
    ]
    page = Page(layer_formats.as_html(hostile))
    assert not [tag for tag, _ in page.tags if tag == "script"]
    text = layer_formats.text(hostile)
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "<script>" not in layer_formats.as_markdown(hostile)


def test_the_document_is_as_its_schema_says(results: list[Result]) -> None:
    document = documents.read(layer_formats.dumps(results, samples=True))
    assert document["environment"] == MACHINE
    assert len(document["results"]) == len(results)
    assert document["results"][0]["samples"] == [PEAK]
    assert "samples" not in documents.read(layer_formats.dumps(results))["results"][0]
    for one in document["results"]:
        if one["metric"] == layers.TIME:
            del one["summary"]["share"]
            assert documents.problems(document)
            one["summary"]["share"] = None
            assert not documents.problems(document)
