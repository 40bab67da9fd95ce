from pathlib import Path

import numpy as np
import pytest

import edge_runtime
from edge_runtime.errors import ModelError
from edgekit.benchmarks.resolvers import RESOLVERS, open_litert, with_open_batch
from edgekit.benchmarks.tensors import random_tensors


@pytest.mark.parametrize("kernels", RESOLVERS)
def test_each_set_of_kernels_answers_as_litert_does(
    kernels: str, int8_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = edge_runtime.load(int8_model, backend="litert")
    opened = open_litert(int8_model, kernels)
    for tensor in random_tensors(20, (1, 28, 28, 1), "int8"):
        difference = opened.run(tensor).astype(int) - model.run(tensor)
        assert np.abs(difference).max() <= 1
    assert capfd.readouterr().err == ""


def test_a_fixed_batch_is_refused_and_a_copy_with_an_open_one_is_not(int8_model: Path) -> None:
    tensors = random_tensors(7, (28, 28, 1), "int8")
    one = open_litert(int8_model, "XNNPACK")
    with pytest.raises(ModelError, match="LiteRT's XNNPACK cannot run it"):
        open_litert(int8_model, "XNNPACK", tensors.shape)
    content = int8_model.read_bytes()
    copy = with_open_batch(content)
    changed = [i for i, (a, b) in enumerate(zip(content, copy, strict=True)) if a != b]
    assert content[changed[0] : changed[0] + 4] == b"\1\0\0\0"
    assert copy[changed[0] : changed[0] + 4] == b"\xff" * 4
    assert len(changed) == 4
    many = open_litert(copy, "XNNPACK", tensors.shape)
    expected = np.concatenate([one.run(tensors[i : i + 1]) for i in range(7)])
    np.testing.assert_array_equal(many.run(tensors), expected)


def test_a_model_without_such_a_constant_is_left_as_it_is(float_model: Path) -> None:
    opened = with_open_batch(float_model.read_bytes())
    assert with_open_batch(opened) == opened
