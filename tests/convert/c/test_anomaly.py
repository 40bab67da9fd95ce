"""The score of anomalies in C: the bits of edge_runtime's, and thresholds that decide the same."""

import ctypes
from array import array
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import headers
from edge_runtime import anomaly
from edge_runtime.graph import FORMATS, Quantization, Tensor
from edge_runtime.meaning import (
    ANOMALY,
    BINARY,
    LOGITS,
    MULTILABEL,
    NUMBERS,
    PROBABILITIES,
    margins,
)
from edgekit.convert.c import anomaly as in_c
from edgekit.convert.c.facts import Facts, Port

SIZE = 37
Form = tuple[str, float, int]
"""Element type, scale, zero point."""

FORMS: list[tuple[Form, Form]] = [
    (("int8", 0.05, -128), ("int8", 0.031, 17)),
    (("int8", 0.02, 127), ("int8", 0.02, -128)),
    (("uint8", 0.05, 128), ("uint8", 0.4, 3)),
    (("int16", 1e-4, 0), ("int16", 1.7e-4, 0)),
    (("int8", 0.1, -3), ("int16", 4e-4, 0)),
    (("float32", 0, 0), ("float32", 0, 0)),
    (("float32", 0, 0), ("int8", 0.031, 17)),
]


def facts_of(source: Form, output: Form, task: str, meaning: str, size: int) -> Facts:
    ports = []
    for name, (dtype, scale, zero_point) in (("input", source), ("output", output)):
        quantized = (None, None) if dtype == "float32" else (scale, zero_point)
        elements = SIZE if name == "input" else size
        ports.append(Port(name, dtype, (elements,), elements, *quantized))
    return headers.facts_of(*ports, meaning, task)


def drawn(form: Form, seed: int) -> tuple[Tensor, np.ndarray]:
    dtype, scale, zero_point = form
    quantization = None if dtype == "float32" else Quantization((scale,), (zero_point,))
    tensor = Tensor(0, "t", (1, SIZE), (1, SIZE), dtype, quantization)
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return tensor, rng.normal(0, 3, (50, SIZE)).astype(np.float32)
    limits = np.iinfo(dtype)
    values = rng.integers(limits.min, limits.max, (50, SIZE), dtype, endpoint=True)
    values[0], values[1] = limits.min, limits.max
    return tensor, values


@pytest.mark.parametrize(("source", "output"), FORMS)
def test_every_bit_of_the_score_is_the_runtimes(source: Form, output: Form, tmp_path: Path) -> None:
    facts = facts_of(source, output, ANOMALY, NUMBERS, SIZE)
    function = headers.compiled(facts, tmp_path, in_c.definition(facts)).m_score
    (first, x), (second, y) = drawn(source, 0), drawn(output, 1)
    y[1], y[0] = y[0].copy(), y[1].copy()  # the farthest apart
    expected = anomaly.raw_scores(x, y, first, second)
    whole = anomaly.steps(first, second) is not None
    function.restype = ctypes.c_uint64 if whole else ctypes.c_float
    scores = [function(a.tobytes(), b.tobytes()) for a, b in zip(x, y, strict=True)]
    assert np.array(scores, expected.dtype).tobytes() == expected.tobytes()
    each = [
        anomaly.error_of_one(array(*one), array(*its), first, second)
        for one, its in zip(_elements(x, source), _elements(y, output), strict=True)
    ]
    assert each == anomaly.errors(expected, first, second).tolist()


def _elements(rows: np.ndarray, form: Form) -> list[tuple[str, bytes]]:
    return [(FORMATS[form[0]], row.tobytes()) for row in rows]


def test_the_header_has_the_threshold_in_the_scores_unit(tmp_path: Path) -> None:
    source, output = FORMS[0]
    facts = replace(facts_of(source, output, ANOMALY, NUMBERS, SIZE), threshold=2.5)
    (first, _), (second, _) = drawn(source, 0), drawn(output, 1)
    code = "uint64_t limit(void);\nuint64_t limit(void)\n{\n    return M_THRESHOLD;\n}\n"
    code += "double unit(void);\ndouble unit(void)\n{\n    return (double)M_SCORE_UNIT;\n}\n"
    library = headers.compiled(facts, tmp_path, code + in_c.definition(facts))
    library.limit.restype, library.unit.restype = ctypes.c_uint64, ctypes.c_double
    assert library.limit() == anomaly.raw_threshold(2.5, anomaly.steps(first, second))
    assert library.limit() * library.unit() == pytest.approx(2.5)
    header = headers.rendered(facts)
    assert "Above M_THRESHOLD the input is an anomaly." in header


@pytest.mark.parametrize(
    ("meaning", "outputs"), [(PROBABILITIES, 1), (PROBABILITIES, 2), (LOGITS, 1), (LOGITS, 2)]
)
def test_a_threshold_decides_as_the_runtime_does(
    meaning: str, outputs: int, tmp_path: Path
) -> None:
    scale, zero_point = (1 / 256, -128) if meaning == PROBABILITIES else (0.0625, -5)
    threshold = 40.5 * scale
    form = ("int8", scale, zero_point)
    facts = replace(facts_of(form, form, BINARY, meaning, outputs), threshold=threshold)
    best = "int best(const int8_t *o);\nint best(const int8_t *o)\n{\n    return m_best(o);\n}\n"
    function = headers.compiled(facts, tmp_path, best).best
    raw = np.random.default_rng(0).integers(-128, 128, (400, outputs)).astype(np.int8)
    values = (raw.astype(np.int32) - zero_point).astype(np.float32) * np.float32(scale)
    expected = margins(values, meaning) > threshold
    assert 20 < expected.sum() < 380
    assert [function(row.tobytes()) for row in raw] == expected.astype(int).tolist()


def test_labels_that_do_not_exclude_each_other_have_no_best_one() -> None:
    form = ("int8", 1 / 256, -128)
    facts = facts_of(form, form, MULTILABEL, PROBABILITIES, 3)
    header = headers.rendered(replace(facts, labels=("a", "b", "c")))
    assert "extern const char *const m_labels[M_LABELS];" in header
    assert "m_value is above 0.5." in header
    for word in ("m_best", "m_score", "CLASSES"):
        assert word not in header
    logits = headers.rendered(replace(facts, meaning=LOGITS))
    assert "m_value is above 0, as it is a logit." in logits
