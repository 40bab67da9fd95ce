import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from edge_runtime.meaning import ANOMALY, NUMBERS
from edgekit.benchmarks import accuracy, gate, latency
from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.report import answers, html, junit, markdown, matrix, text
from edgekit.benchmarks.report.table import NOTHING
from edgekit.benchmarks.report.tables import tables
from edgekit.benchmarks.result import Result, Subject
from edgekit.benchmarks.usage import Usage
from edgekit.train.dataset import Dataset
from pages import HOSTILE, Page

RunOf = Callable[..., list[Result]]


@pytest.fixture
def results(run_of: RunOf, absent: Result) -> list[Result]:
    return [*run_of([3, 7]), absent]


def gates_of(results: list[Result]) -> list[Gate]:
    return [*gate.answers(results, 0.9), *gate.required(results, ["litert"])]


def test_junit_has_a_case_for_each_gate(results: list[Result]) -> None:
    root = ElementTree.fromstring(junit.render(results, gates_of(results)))
    (suite,) = root
    counts = {"tests": "3", "failures": "1", "errors": "0", "skipped": "1"}
    assert root.attrib == counts
    assert suite.attrib == {"name": "edgekit bench", **counts}
    cases = {case.attrib["name"]: [child.tag for child in case] for case in suite.iter("testcase")}
    assert cases == {
        "model.tflite on litert: accuracy": ["failure"],
        "edgetpu: accuracy": ["skipped"],
        "litert: required": ["system-out"],
    }
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "test inputs 3, 7" in failure.attrib["message"]


@pytest.mark.parametrize(("source", "synthetic"), [("tiny", "false"), ("synthetic", "true")])
def test_junit_says_which_images(run_of: RunOf, tiny: Dataset, source: str, synthetic: str) -> None:
    results = run_of(dataset=replace(tiny, source=source))
    root = ElementTree.fromstring(junit.render(results, []))
    properties = root.findall("testsuite/properties/property")
    assert {one.attrib["name"]: one.attrib["value"] for one in properties} == {
        "dataset": "tiny",
        "sha256": tiny.sha256,
        "synthetic": synthetic,
    }
    assert ElementTree.fromstring(junit.render([], [])).find("testsuite/properties") is None


def test_markdown_has_tables_and_what_did_not_pass(results: list[Result]) -> None:
    lines = markdown.render(results, gates_of(results)).splitlines()
    assert lines[0] == "**edgekit bench: failed**"
    widths = {line.count(" | ") for line in lines if line.startswith("| ")}
    assert len(widths) == 4
    assert "| model.tflite | ✗ |" in [line.replace(" |  |", " |") for line in lines]
    assert any(line.startswith("| model.tflite | litert | 8/10 | 0.8000 |") for line in lines)
    assert [line.split(":")[0] for line in lines if line.startswith("- ")] == [
        "- failed",
        "- edgetpu",
    ]


def test_text_is_aligned_and_tells_a_reason_once(results: list[Result]) -> None:
    rendered = text.render(results, gates_of(results))
    lines = rendered.splitlines()
    header, row = lines[1], next(line for line in lines if line.startswith("model.tflite"))
    assert row.index("8/10") + len("8/10") == header.index("right") + len("right")
    assert rendered.count("no libedgetpu") == 1


def test_html_shows_verdict_figures_and_wrong_images(results: list[Result]) -> None:
    page = Page(html.render(results, gates_of(results)))
    assert "✗ Failed" in page.text
    assert "1 of 2 gates held on 10 test inputs of tiny (0, 1)." in page.text
    assert "Positive class: 0." in page.text
    pictures = [about for tag, about in page.tags if tag == "img"]
    assert [picture["alt"] for picture in pictures] == ["test input 3", "test input 7"]
    assert page.text.count("answered 1 by model.tflite litert") == 1
    assert "no libedgetpu" in page.text


def test_html_is_one_file_that_fits_a_phone(results: list[Result]) -> None:
    source = html.render(results, gates_of(results))
    page = Page(source)
    assert "http:" not in source
    assert "https:" not in source
    assert "url(" not in source
    assert "@import" not in source
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    sources = [about["src"] or "" for _, about in page.tags if "src" in about]
    assert sources
    assert all(one.startswith("data:image/png;base64,") for one in sources)
    names = {about.get("name") for tag, about in page.tags if tag == "meta"}
    assert "viewport" in names
    assert "prefers-color-scheme: dark" in source


def test_hostile_names_are_only_text(run_of: RunOf, tiny: Dataset) -> None:
    results = [
        replace(
            one,
            subject=replace(one.subject, model=HOSTILE, backend=HOSTILE),
            environment={HOSTILE: HOSTILE},
        )
        for one in run_of([3, 7], dataset=replace(tiny, name=HOSTILE, labels=(HOSTILE, "1")))
        if not one.subject.peer
    ]
    gates = [*gate.answers(results, 0.99), Gate(HOSTILE, HOSTILE, "skipped", HOSTILE)]
    page = Page(html.render(results, gates))
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script>alert('x')</script>" in page.text
    root = ElementTree.fromstring(junit.render(results, gates))
    (dataset, *_), (case, *_) = root.iter("property"), root.iter("testcase")
    assert "<script>alert('x')</script>" in case.attrib["name"]
    assert "<script>alert('x')</script>" in dataset.attrib["value"]
    rendered = markdown.render(results, gates)
    assert "<script>" not in rendered.replace("\\<", "")
    assert "](b)" not in rendered.replace("\\]", "")
    widths = {
        line.replace("\\|", "").count("|") for line in rendered.splitlines() if line[0:1] == "|"
    }
    assert len(widths) == 4


def test_synthetic_images_are_said_first(run_of: RunOf, tiny: Dataset) -> None:
    results = run_of(dataset=replace(tiny, source="synthetic"))
    assert text.render(results, []).startswith("SYNTHETIC TEST IMAGES")
    assert "**SYNTHETIC TEST IMAGES" in markdown.render(results, [])
    assert "SYNTHETIC TEST IMAGES" in Page(html.render(results, [])).text
    real = run_of(dataset=tiny)
    for rendered in (text.render(real, []), markdown.render(real, []), html.render(real, [])):
        assert "SYNTHETIC" not in rendered


def test_same_confusion_is_shown_once(run_of: RunOf) -> None:
    both = [*run_of(), *run_of(backend="native")]
    page = Page(html.render(both, []))
    assert sum("confusion" in (about.get("class") or "") for _, about in page.tags) == 1
    assert "None: all answers are right." in page.text
    page = Page(html.render([*run_of(), *run_of([1], backend="native")], []))
    assert sum("confusion" in (about.get("class") or "") for _, about in page.tags) == 2
    assert "Number of inputs, of 10, on which the two answers differ." in page.text


def test_confusion_has_predictions_in_rows_and_right_answers_on_the_diagonal(
    tiny: Dataset,
) -> None:
    # Truth is 0 0 0 0 0 1 1 1 1 1: four TP, two FP, one FN, three TN.
    scores = np.eye(2, dtype=np.float32)[[0, 0, 0, 0, 1, 1, 1, 1, 0, 0]]
    result = accuracy.measure(Subject("model.tflite", "", "litert"), scores, tiny)
    table = answers.confusions([replace(result, dataset={"labels": ["0", "1"]})])
    cells = re.findall(
        r'<td class="(\w+)" style="--weight: (\d+)%"><small>(\w+)</small>(\d+)</td>', table
    )
    assert cells == [
        ("right", "100", "TP", "4"),
        ("wrong", "100", "FP", "2"),
        ("wrong", "50", "FN", "1"),
        ("right", "75", "TN", "3"),
    ]
    assert re.findall(r'<th scope="row" title="\w">(\w)</th>', table) == ["0", "1"]
    assert "<span>predicted</span>" in table
    assert '<th colspan="2">true</th>' in table


def test_an_anomaly_is_what_a_detector_finds(tiny: Dataset) -> None:
    used = Usage((), (), NUMBERS, "", task=ANOMALY, threshold=0.5)
    # Truth is 0 0 0 0 0 1 1 1 1 1: two false alarms, one anomaly is missed.
    errors = np.array([0, 0, 0, 1, 1, 0, 1, 1, 1, 1], np.float32)[:, None]
    result = accuracy.measure(Subject("model.tflite", "", "native"), errors, tiny, used)
    page = answers.confusions([replace(result, dataset={"labels": ["normal", "anomaly"]})])
    cells = re.findall(r"<small>(\w+)</small>(\d+)</td>", page)
    assert cells == [("TN", "3"), ("FN", "1"), ("FP", "2"), ("TP", "4")]
    assert "Positive class: anomaly." in page


def test_confusion_without_a_wrong_answer_colours_no_cell_wrong(run_of: RunOf) -> None:
    table = answers.confusions(run_of())
    assert re.findall(r'<td class="(\w+)"', table) == ["right", "none", "none", "right"]


def test_each_percentile_is_in_its_column(run_of: RunOf) -> None:
    summary = {"p50": 1e-6, "p90": 2e-6, "p99": 3e-6}
    results = [
        replace(one, summary=summary) if one.metric == "latency" else one for one in run_of()
    ]
    speed, *_ = tables(results)
    cells = dict(zip(speed.columns, speed.rows[0].cells, strict=True))
    assert [cells[key] for key in summary] == ["1.00 µs", "2.00 µs", "3.00 µs"]


def test_too_few_calls_show_no_p99(run_of: RunOf) -> None:
    speed, *_ = tables(run_of())
    cells = dict(zip(speed.columns, speed.rows[0].cells, strict=True))
    assert cells["p90"] == "2.00 µs"
    # Nobody has any: there is no such column.
    assert "p99" not in cells
    enough = [
        replace(one, summary={"p50": 1e-6, "p90": 2e-6, "p99": 3e-6})
        if one.metric == "latency" and one.subject.peer
        else one
        for one in run_of()
    ]
    speed, *_ = tables(enough)
    column = speed.columns.index("p99")
    assert [row.cells[column] for row in speed.rows] == [NOTHING, "3.00 µs"]


def test_a_column_that_is_empty_for_all_is_in_no_report(run_of: RunOf, absent: Result) -> None:
    results = [*run_of(), absent]
    for render in (text.render, markdown.render, html.render):
        shown = render(results, [])
        assert "p90" in shown
        # The note in HTML explains the 99 % percentile, by another name.
        assert "p99" not in shown
        assert "installed" not in shown
    widths = {len(row.cells) for table in tables(results) for row in table.rows if row.cells}
    assert widths == {len(table.columns) for table in tables(results) if table.rows}


def many_backends(run_of: RunOf) -> tuple[list[Result], list[Gate]]:
    """Two models on two backends: the second one fails on one of them, the first on none."""
    results = [
        *run_of(),
        *run_of(backend="native"),
        *run_of([3], model="other on.tflite"),
        *run_of(model="other on.tflite", backend="native"),
    ]
    gates = [
        *gate.answers(results, 0.95),
        Gate("exact", "model.tflite on native", "passed", "all bytes"),
        Gate("runs", "lost.tflite", "failed", "no backend ran it"),
        Gate("size against the baseline", "model.tflite on litert", "skipped", "another file"),
        Gate("size against the baseline", "model.tflite on native", "skipped", "another file"),
    ]
    return results, gates


def test_gates_are_a_matrix_of_models_and_conditions(run_of: RunOf) -> None:
    results, gates = many_backends(run_of)
    found = matrix.matrix(gates, results)
    assert found.columns == ("accuracy", "exact", "runs", "size against the baseline")
    assert {model: [cell.text for cell in cells] for model, cells in found.rows} == {
        "model.tflite": ["✓ 2", "✓", "", "– 2"],
        "other on.tflite": ["✗ 1 of 2", "", "", ""],
        "lost.tflite": ["", "", "✗", ""],
    }


def test_only_what_did_not_pass_has_a_sentence_failed_ones_first(run_of: RunOf) -> None:
    results, gates = many_backends(run_of)
    said = [": ".join(parts) for parts in matrix.sentences(gates, results)]
    assert said == [
        "failed: other on.tflite on litert: accuracy: 0.90000 (9 of 10) is below 0.95; "
        "wrong on test input 3",
        "failed: lost.tflite: runs: no backend ran it",
        "skipped: model.tflite on litert, native: size against the baseline: another file",
    ]
    for rendered in (text.render(results, gates), markdown.render(results, gates)):
        shown = rendered.replace("\\", "")
        for one in said:
            assert one.partition(": ")[2] in shown
        assert "is at least 0.95" not in shown
        assert "✗ 1 of 2" in shown
    page = Page(html.render(results, gates))
    failures = page.text.index("wrong on test input 3")
    assert failures < page.text.index("Answers and speed") < page.text.index("✗ 1 of 2")
    assert ElementTree.fromstring(junit.render(results, gates)).attrib["tests"] == str(len(gates))


def test_what_may_be_too_wide_scrolls_by_keyboard_too(results: list[Result]) -> None:
    page = Page(html.render(results, gates_of(results)))
    boxes = [about for _, about in page.tags if about.get("class") == "scroll"]
    assert len(boxes) == sum(tag == "table" for tag, _ in page.tags)
    for about in boxes:
        assert (about["role"], about["tabindex"]) == ("region", "0")
        assert about["aria-label"]
    assert "local" in html.render(results, [])


def test_a_model_is_named_once_with_its_backends(run_of: RunOf) -> None:
    results = [*run_of([1]), *run_of([1], backend="native")]
    page = Page(answers.confusions(results))
    assert "model.tflite litert, native" in page.text


@pytest.mark.parametrize(
    ("count", "label", "kind", "width"),
    [
        (2, "cat", "confusion", 12),
        (10, "7", "confusion many", 27),
        (100, "a long name of a class", "confusion many long", 244),
    ],
)
def test_matrices_of_any_size(count: int, label: str, kind: str, width: float) -> None:
    summary = {"confusion": np.eye(count, dtype=int).tolist()}
    result = Result(Subject("a", "", "litert"), "accuracy", "class", summary=summary)
    page = Page(answers.confusions([replace(result, dataset={"labels": [label] * count})]))
    assert kind in [about.get("class") for _, about in page.tags]
    (style,) = [about["style"] for _, about in page.tags if about.get("class") == "matrices"]
    assert style is not None
    assert float(style.removeprefix("--width: ").removesuffix("rem")) == pytest.approx(width, abs=1)


def test_nothing_measured_still_makes_a_report(absent: Result) -> None:
    page = Page(html.render([absent], gate.runs([absent], ["model.tflite"])))
    assert "✗ Failed" in page.text
    assert "no libedgetpu" in page.text


def compared(integer: bool, differ: int, backend: str = "native") -> list[Result]:
    """The comparison of one model with BUILTIN_REF, and one with XNNPACK that was not possible."""
    part = {
        "tensors": 10,
        "elements": 20,
        "differ": differ,
        "largest": 3 if differ else 0,
        "largest_absolute": 0.25,
    }
    summary = {
        "reference": "LiteRT BUILTIN_REF",
        "rounding": "litert",
        "integer": integer,
        "seed": 1,
        "images": part,
        "random": part | {"differ": 0},
    }
    subject = Subject("model.tflite", "12" * 32, backend)
    return [
        Result(subject, "difference_to_builtin_ref", "steps", (0.0,), summary),
        Result(
            subject, "difference_to_xnnpack", "steps", status="not present", reason="no delegate"
        ),
    ]


@pytest.mark.parametrize(
    ("integer", "largest"), [(True, "3 steps"), (False, "2.5e-01, 3 ULP")], ids=["int8", "float32"]
)
def test_differing_outputs_are_in_every_report(run_of: RunOf, integer: bool, largest: str) -> None:
    results = [*run_of(), *compared(integer, differ=7)]
    shown = ("LiteRT BUILTIN_REF", "litert", "7/20", "0/20", largest)
    row = ["model.tflite", "native", *shown]
    lines = text.render(results, []).splitlines()
    assert row in [re.split("  +", line.strip()) for line in lines]
    assert any(line.endswith("not present: no delegate") for line in lines)
    rendered = markdown.render(results, [])
    assert f"| {' | '.join(row)} |" in rendered.replace("\\_", "_")
    assert "- model.tflite on native: not present: no delegate" in rendered
    page = Page(html.render(results, []))
    assert all(cell in page.text for cell in shown)
    assert "no delegate" in page.text
    assert "rounding" not in text.render(run_of(), [])


def test_ratio_to_litert_is_told_in_words(run_of: RunOf) -> None:
    timed = [
        one
        for backend, p50 in (("litert", 3e-6), ("native", 1e-6), ("reference", 12e-6))
        for one in run_of(backend=backend, p50=p50)
        if not one.subject.peer and one.metric in ("accuracy", "latency")
    ]
    latencies = [one for one in timed if one.metric == "latency"]
    speed, *_ = tables([*timed, *latency.against_litert(latencies)])
    column = speed.columns.index("than litert")
    cells = {row.subject.backend: row.cells[column] for row in speed.rows}
    assert cells == {"litert": NOTHING, "native": "3.00× faster", "reference": "4.00× slower"}


def test_footprint_is_told_as_a_multiple_of_bare_python(run_of: RunOf) -> None:
    results = [
        replace(one, summary=dict(one.summary) | {"ratio": 2.5})
        if one.metric == "cold_start"
        else one
        for one in run_of()
    ]
    *_, footprint, _ = tables(results)
    # There is no multiple of the memory: its column is left out.
    assert footprint.columns == ("cold start", "× Python", "peak memory", "file")
    assert footprint.rows[0].cells == ("100 ms", "2.50", "40.0 MB", "46.0 kB")


def test_firmware_has_the_same_cells_in_every_report(firmware_of: RunOf) -> None:
    results = firmware_of(same_code=False)
    gates = gate.budget(results, "flash", "total", 11999)
    page = Page(html.render(results, gates))
    for report in (text.render(results, gates), markdown.render(results, gates), page.text):
        shown = report.replace("\\_", "_")
        for cell in ("10/10", "0/40", "12,000", "3,000", "9,000", "784", "200", "12,600", "625"):
            assert cell in shown
        # Flash without weights and multipliers, cycles with waits and the time of both, the stack
        # of a step, its instructions a multiply-accumulate, and a function's bytes and share.
        for cell in ("3,930", "16,000", "2,000", "150 µs", "188", "2.50", "900", "0.3000"):
            assert cell in shown
        assert "FULLY_CONNECTED" in shown
        assert "a build with labels" in shown
        assert "over by 1" in shown
        assert "cold start" not in shown
    assert "Cold start" not in page.text
    assert "Whole firmware: vector table" in page.text


def test_sizes_without_an_answer_make_a_report(firmware_of: RunOf) -> None:
    results = [one for one in firmware_of(stack=None) if one.metric in ("flash", "ram")]
    builds, outputs, steps, *_ = tables(results)
    (row,) = builds.rows
    assert builds.columns == (
        *("flash", "= code", "+ constants", "beyond", "RAM", "= data", "+ arena"),
    )
    assert row.cells[0] == "12,000"
    assert not outputs.rows
    assert not steps.rows
    for render in (text.render, markdown.render, html.render):
        assert "Each step" not in render(results, [])


def test_a_core_without_an_estimate_has_no_columns_of_it(firmware_of: RunOf) -> None:
    builds, _, steps, *_ = tables(firmware_of(cycles=None))
    assert not {"est. cycles", "+ waits", "at 120 MHz"} & {*builds.columns, *steps.columns}
    assert {"per MAC", "stack"} < set(steps.columns)


def test_small_functions_are_one_row(firmware_of: RunOf) -> None:
    *_, code, _ = tables(firmware_of(functions=range(114, 100, -1)))
    assert [row.cells[0] for row in code.rows] == [
        *(f"function_{size}" for size in range(114, 102, -1)),
        "others",
    ]
    assert code.rows[-1].cells[1] == f"{3000 - sum(range(114, 102, -1)):,}"


def test_each_class_has_a_row_once_for_all_backends(run_of: RunOf) -> None:
    results = [*run_of(wrong=[2, 7]), *run_of(wrong=[2, 7], backend="native")]
    *_, classes = tables(results)
    assert classes.columns == ("class", "precision", "recall", "F1")
    assert [(row.subject.backend, row.cells) for row in classes.rows] == [
        ("litert", ("0", "0.8000", "0.8000", "0.8000")),
        ("litert", ("1", "0.8000", "0.8000", "0.8000")),
    ]
