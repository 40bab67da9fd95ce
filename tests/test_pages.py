"""The pages of bench and convert as a browser shows them, on a phone and in the dark."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import browser
from edge_runtime.front_end import Audio
from edgekit import cli
from edgekit.benchmarks import accuracy, dataset
from edgekit.benchmarks.layers import ALL
from edgekit.benchmarks.report import html
from edgekit.benchmarks.result import Result, Subject
from edgekit.networks import in_c
from edgekit.train.dataset import Dataset
from pages import Page

pytestmark = [
    pytest.mark.skipif(browser.CHROMIUM is None, reason="there is no chromium"),
    pytest.mark.slow,
]

PHONE = 390
"""Width in pixels."""

LOOK = f"""
    document.documentElement.style.width = '{PHONE}px';
    const visible = kind => [...document.querySelectorAll(kind)].map(
        e => [e, e.getBoundingClientRect()]).filter(([, box]) => box.width > 0 && box.height > 0);
    const answer = {{
        outside: visible('main *').filter(([e, box]) => !e.closest('.scroll')
            && (box.left < -1 || box.right > {PHONE} + 1)).map(([e]) => e.outerHTML.slice(0, 90)),
        asked: performance.getEntriesByType('resource').map(one => one.name).filter(
            name => !name.startsWith('data:')),
        paper: getComputedStyle(document.body).backgroundColor,
        ink: getComputedStyle(document.body).color,
        layers: visible('.network rect.ours').length,
        heights: [...new Set(visible('.network .row').map(([, box]) => Math.round(box.height)))],
        blocks: visible('.memory .block').length,
        pictures: visible('.pictures img, .pictures svg, .pictures table').length,
        errors: visible('.errors circle').length,
    }};
"""

LIGHT, DARK = "rgb(252, 252, 250)", "rgb(21, 23, 27)"


def look(source: str, folder: Path, **how: Any) -> dict[str, Any]:
    found: dict[str, Any] = browser.evaluate(source, LOOK, folder, **how)
    return found


def data_of(kind: str, count: int = 40) -> Dataset:
    """Test inputs of two classes: pictures, sounds, windows or rows."""
    rng = np.random.default_rng(1)
    shape, names, audio = {
        "pictures": ((16, 16, 3), (), None),
        "sounds": ((49, 40, 1), (), Audio()),
        "windows": ((64, 6), (), None),
        "rows": ((12,), tuple(f"feature {i}" for i in range(12)), None),
    }[kind]
    if kind in ("pictures", "sounds"):
        inputs = rng.integers(0, 256, (count, *shape), np.uint8)
    else:
        inputs = rng.normal(size=(count, *shape)).astype(np.float32)
    classes = np.arange(count) % 2
    about = ("made up", "ab" * 32, "made up", "resize")
    data = Dataset(inputs, classes, inputs, classes, ("no", "yes"), *about)
    return replace(data, features=names, audio=audio)


def bench_page(kind: str, model: Path) -> str:
    """The page of a model that is wrong a few times."""
    data, content = data_of(kind), model.read_bytes()
    subject = Subject(model.name, "12" * 32, "native")
    scores = np.eye(2, dtype=np.float32)[data.y_test]
    scores[:5] = scores[:5, ::-1]
    drawn = in_c(content)
    assert drawn is not None
    layers = [{"op": one.op, "name": one.name, "median": 1e-6} for one in drawn.layers]
    results = [
        accuracy.measure(subject, scores, data),
        Result(subject, ALL, "s", (), {"layers": layers, "runs": 1}),
    ]
    about = dataset.describe(data)
    return html.render([replace(one, dataset=about) for one in results], [], {model.name: drawn})


@pytest.mark.parametrize("kind", ["pictures", "sounds", "windows", "rows"])
def test_bench_fits_a_phone(kind: str, int8_model: Path, tmp_path: Path) -> None:
    source = bench_page(kind, int8_model)
    found = look(source, tmp_path)
    assert found["outside"] == []
    assert found["asked"] == []
    assert (found["layers"], found["pictures"]) == (3, 5)
    assert found["blocks"] >= 3
    assert len(found["heights"]) == 1
    assert "http" not in source


def test_light_and_dark(int8_model: Path, tmp_path: Path) -> None:
    source = bench_page("pictures", int8_model)
    light, dark = (look(source, tmp_path, dark=dark) for dark in (False, True))
    assert (light["paper"], dark["paper"]) == (LIGHT, DARK)
    assert light["ink"] != dark["ink"]


@pytest.mark.tensorflow
def test_a_conversion_fits_a_phone(artifacts: Path, tmp_path: Path) -> None:
    output, model = tmp_path / "int8.tflite", artifacts / "model.keras"
    assert cli.run(["convert", str(model), "--quantize", "--explain", "-o", str(output)]) == 0
    source = output.with_name("int8.tflite.report.html").read_text(encoding="utf-8")
    page = Page(source)
    assert "Error of each layer" in page.text
    assert "Arena of" in page.text
    found = look(source, tmp_path)
    assert found["outside"] == []
    assert found["asked"] == []
    assert found["errors"] >= 3
    assert found["layers"] == 3
    assert found["pictures"] > 0
