import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgekit.benchmarks import error, several_labels
from edgekit.benchmarks.layers import ALL
from edgekit.benchmarks.report import answers, html, inputs
from edgekit.benchmarks.report.drawings import networks
from edgekit.benchmarks.report.memory_map import Block, memory_map
from edgekit.benchmarks.report.network import INPUT, MOST_OPEN, Layer, Network, picture, shaped
from edgekit.benchmarks.result import Result, Subject
from edgekit.train.dataset import Dataset
from pages import HOSTILE, Page, widths

SHAPE = (1, 8, 8, 4)
BLOCKS = (
    Block("input", "input", 0, 64, -1, 0),
    Block("0 CONV_2D", "activation", 64, 256, 0, 2),
    Block("1 CONV_2D", "activation", 320, 256, 1, 2),
    Block("2 ADD", "output", 320, 256, 2, 2),
)
RESIDUAL = Network(
    inputs=(((1, 8, 8, 1), "int8"),),
    layers=(
        Layer(0, "CONV_2D", SHAPE, "int8", 2304, (INPUT,)),
        Layer(1, "CONV_2D", SHAPE, "int8", 9216, (0,)),
        Layer(2, "ADD", SHAPE, "int8", None, (1, 0)),
    ),
    blocks=BLOCKS,
    arena=576,
)
NATIVE = Subject("net.tflite", "", "native")
FIRMWARE = Subject("net.tflite", "", "cortex-m4 -Os")


def test_layers_are_as_wide_as_what_they_take() -> None:
    drawn = picture(RESIDUAL, {"0 CONV_2D": 1e-6, "1 CONV_2D": 4e-6}, "s")
    assert widths(drawn) == [25, 100, 0.6]
    page = Page(drawn)
    for text in ("1 CONV_2D", "8×8×4 int8", "4.00 µs", "1.00 µs", "–", "8×8×1 int8"):
        assert text in page.text


def test_what_does_not_follow_is_joined_by_a_curve() -> None:
    (curve,) = re.findall(r'<path d="M10 ([\d.]+)Q.* 10 ([\d.]+)"/>', picture(RESIDUAL, {}, ""))
    # The middle of the rows of layers 0 and 2, below that of the input.
    assert curve == ("1.50", "3.50")
    straight = replace(RESIDUAL, layers=RESIDUAL.layers[:2])
    assert "<path" not in picture(straight, {}, "")


def test_curves_that_overlap_have_lanes_of_their_own() -> None:
    sources = ((INPUT,), (0,), (1, 0), (2, 0), (3, INPUT), (4, 3), (5, 4))
    layers = tuple(Layer(at, "ADD", SHAPE, "int8", None, of) for at, of in enumerate(sources))
    drawn = picture(replace(RESIDUAL, layers=layers), {}, "")
    xs = re.findall(r"Q([\d]+) ", drawn)
    assert "--lanes: 3" in drawn
    assert len(xs) == 10  # two bends of each of the five
    assert len(set(xs)) == 3


def test_many_layers_are_folded() -> None:
    layers = RESIDUAL.layers[:1] * (MOST_OPEN + 1)
    assert picture(replace(RESIDUAL, layers=layers), {}, "").startswith("<details>")
    assert "<details>" not in picture(replace(RESIDUAL, layers=layers[1:]), {}, "")


def test_shapes_are_said_without_a_batch_of_one() -> None:
    assert shaped((1, 28, 28, 1), "int8") == "28×28×1 int8"
    assert shaped((2, 3), "int8") == "2×3 int8"
    assert shaped((1,), "int32") == "1 int32"
    assert shaped((), "bool") == "1 bool"
    assert shaped((1, -1, 3), "float32") == "?×3 float32"


def test_blocks_lie_where_and_when_the_tensors_do() -> None:
    drawn = memory_map(BLOCKS, 576, [layer.title for layer in RESIDUAL.layers])
    style = r'class="block (\w+)" style="left: (.*?)%; width: (.*?)%; top: (.*?)%; height: (.*?)%"'
    found = [(role, *map(float, place)) for role, *place in re.findall(style, drawn)]
    assert found == [
        # Half a layer lies before the first one, as the input does.
        ("input", 0, 42.86, 0, 11.11),
        ("activation", 14.29, 85.71, 11.11, 44.44),
        ("activation", 42.86, 57.14, 55.56, 44.44),
        ("output", 71.43, 28.57, 55.56, 44.44),
    ]
    assert "1 CONV_2D: 256 bytes at 320" in drawn
    assert memory_map((), 0, []) == ""


def firmware(seconds: float) -> list[Result]:
    """What is measured of the network on this machine and as firmware."""
    layers = [
        {"op": 0, "name": "CONV_2D", "median": seconds},
        {"op": 1, "name": "CONV_2D", "median": 2 * seconds},
        {"op": None, "name": "COPY", "median": seconds},
        {"op": None, "name": "COPY", "median": seconds},
    ]
    return [Result(NATIVE, ALL, "s", (), {"layers": layers})]


def test_widths_are_instructions_else_time_else_multiplications() -> None:
    by_macs = networks([], {"net.tflite": RESIDUAL})
    assert widths(by_macs) == [25, 100, 0.6]
    assert "Width: multiply-accumulates." in by_macs
    by_time = networks(firmware(1e-6), {"net.tflite": RESIDUAL})
    assert widths(by_time) == [50, 100, 0.6]
    assert "Width: median time on native, on this machine." in by_time
    ops = ("CONV_2D", 300), ("CONV_2D", 100), ("ADD", 60), ("outside", 500)
    steps = [{"op": op, "median": median} for op, median in ops]
    counted = Result(FIRMWARE, "instructions", "instructions", (), {"steps": steps})
    by_count = networks([*firmware(1e-6), counted], {"net.tflite": RESIDUAL})
    assert widths(by_count) == [100, 33.33, 20]
    assert "Width: instructions on cortex-m4 -Os." in by_count
    assert "500" not in by_count
    assert "Width: multiply" in networks(firmware(1e-6), {"other.tflite": RESIDUAL})


def test_the_page_draws_networks_with_hostile_names(run_of: Callable[..., list[Result]]) -> None:
    layers = (Layer(0, HOSTILE, SHAPE, "int8", 1, (INPUT,)),)
    blocks = (replace(BLOCKS[0], name=HOSTILE),)
    drawn = {HOSTILE: replace(RESIDUAL, layers=layers, blocks=blocks)}
    page = Page(html.render(run_of(), [], drawn))
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count("<script>alert('x')</script>") >= 3


def test_wrong_answers_have_their_scores(run_of: Callable[..., list[Result]]) -> None:
    first, *others = run_of([3])
    other = replace(first, subject=replace(first.subject, backend="native"))
    summary = dict(other.summary)
    (wrong,) = summary["pictures"]
    summary["pictures"] = [{**wrong, "scores": [["1", 0.75], ["0", 0.25]]}]
    page = Page(answers.wrong_answers([first, replace(other, summary=summary), *others]))
    assert "answered 1 by model.tflite litert, native" in page.text
    assert "1: 0.75 to 1 · 0: 0 to 0.25" in page.text


def test_numbers_and_labels_that_are_furthest_off_are_shown(tiny: Dataset) -> None:
    targets = np.arange(20, dtype=np.float32).reshape(10, 2)
    outputs = targets.copy()
    outputs[4] += [0.25, 0]
    outputs[7] += 10
    numbers = error.measure(NATIVE, outputs, replace(tiny, y_test=targets, labels=()))
    assert [(one["index"], one["true"], one["answer"]) for one in numbers.summary["pictures"]] == [
        (7, "14, 15", "24, 25"),
        (4, "8, 9", "8.25, 9"),
    ]
    labels = (targets % 2).astype(np.float32)
    scores = np.abs(labels - 0.1)
    scores[2] = [0.9, 0.2]
    data = replace(tiny, y_test=labels, labels=())
    found = several_labels.measure(NATIVE, scores.astype(np.float32), data, ["cat", "dog"])
    (one,) = found.summary["pictures"]
    assert (one["index"], one["true"], one["answer"]) == (2, "dog", "cat")
    page = Page(answers.furthest([found]))
    assert "truth dog answered cat by all" in page.text
    assert "cat: 0.9 · dog: 0.2" in page.text
    page = Page(answers.furthest([numbers]))
    assert page.text.index("truth 8, 9") < page.text.index("truth 14, 15")


def test_inputs_are_drawn_as_what_they_are() -> None:
    drawn = inputs.drawn({"curves": [[0, 1, 0.5], [0.5, 0.5, 0.5]]}, "test input 3")
    assert re.findall(r'points="(.*?)"', drawn) == [
        "0.0,100.0 50.0,0.0 100.0,50.0",
        "0.0,50.0 50.0,50.0 100.0,50.0",
    ]
    flat = inputs.drawn({"curves": [[2.0, 2.0]]}, "")
    assert 'points="0.0,100.0 100.0,100.0"' in flat
    page = Page(inputs.drawn({"values": [[HOSTILE, 1.5]], "more": 3}, ""))
    assert "1.5" in page.text
    assert "3 more" in page.text
    assert inputs.drawn({}, "") == ""
