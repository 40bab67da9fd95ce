"""The committed models are what they were, and every engine gives LiteRT's answers to them."""

import json
from pathlib import Path

import numpy as np
import pytest

import golden
import runtimes
from edge_runtime import load

RECORD = json.loads(golden.RECORD.read_text())


def test_every_file_is_in_the_record_and_small() -> None:
    files = set(golden.FOLDER.glob("*.tflite"))
    assert set(golden.FILES) == files
    assert set(RECORD) == {path.name for path in files}
    assert sum(path.stat().st_size for path in files) < 60_000


@pytest.mark.parametrize("path", golden.FILES, ids=lambda path: path.stem)
def test_a_file_is_read_and_answered_as_when_it_was_made(path: Path) -> None:
    assert golden.describe(path) == RECORD[path.name]


@pytest.mark.parametrize("path", golden.RUN, ids=lambda path: path.stem)
def test_every_engine_gives_the_answers_of_litert(path: Path) -> None:
    data = path.read_bytes()
    inputs = golden.inputs(load(path, backend="native"))
    litert = runtimes.builtin_ref(data)
    expected = np.concatenate([litert(x) for x in inputs])
    first = None
    for name, engine in runtimes.engines(data).items():
        outputs = np.concatenate([engine.run(x) for x in inputs])
        first = outputs if first is None else first
        np.testing.assert_array_equal(outputs, first, err_msg=name)
    if expected.dtype == np.float32:  # LiteRT sums in another order
        np.testing.assert_allclose(first, expected, atol=1e-6)
    else:
        np.testing.assert_array_equal(first, expected)
