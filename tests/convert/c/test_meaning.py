"""What the exported header makes of outputs: the same decisions as edge_runtime."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

import exported
import headers
from edge_runtime.meaning import LOGITS, NUMBERS, PROBABILITIES, class_scores
from edgekit.convert.c.facts import Facts, Port

SCALE, ZERO_POINT = 0.0625, -5


def facts_of(meaning: str, outputs: int) -> Facts:
    return headers.facts_of(
        Port("input", "int8", (4,), 4, 1.0, 0),
        Port("output", "int8", (outputs,), outputs, SCALE, ZERO_POINT),
        meaning,
    )


@pytest.mark.parametrize("meaning", [PROBABILITIES, LOGITS])
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_best_class_is_the_runtimes(meaning: str, outputs: int, tmp_path: Path) -> None:
    facts = facts_of(meaning, outputs)
    assert facts.classes == max(2, outputs)
    best = "int best(const int8_t *o);\nint best(const int8_t *o)\n{\n    return m_best(o);\n}\n"
    function = headers.compiled(facts, tmp_path, best).best
    drawn = np.random.default_rng(0).integers(-128, 128, (400, outputs)).astype(np.int8)
    values = ((drawn.astype(np.int32) - ZERO_POINT) * SCALE).astype(np.float32)
    expected = class_scores(values, meaning).argmax(axis=1)
    assert [function(row.tobytes()) for row in drawn] == expected.tolist()


def test_numbers_have_neither_classes_nor_a_best_one(tmp_path: Path) -> None:
    facts = facts_of(NUMBERS, 1)
    header = headers.rendered(facts)
    assert facts.classes == 0
    for word in ("CLASSES", "best", "score", "1.0f -"):
        assert word not in header
    value = "float value(const int8_t *o);\nfloat value(const int8_t *o)\n"
    function = headers.compiled(
        facts, tmp_path, f"{value}{{\n    return m_value(o, 0);\n}}\n"
    ).value
    function.restype = ctypes.c_float
    assert function(np.int8(77).tobytes()) == (77 - ZERO_POINT) * SCALE


@pytest.mark.parametrize("meaning", [PROBABILITIES, LOGITS, NUMBERS])
def test_the_example_compiles(meaning: str, tmp_path: Path) -> None:
    from edgekit.convert.c.example import render as render_example

    facts = facts_of(meaning, 1)
    (tmp_path / "m.h").write_text(headers.rendered(facts))
    (tmp_path / "main.c").write_text(render_example(facts, "/* An example. */"))
    command = ["cc", *exported.C99, "-fsyntax-only", tmp_path / "main.c"]
    subprocess.run(command, check=True)
