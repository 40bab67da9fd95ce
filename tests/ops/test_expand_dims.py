"""EXPAND_DIMS: the same elements with one more dimension, as in LiteRT."""

import numpy as np
import pytest

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal

SHAPE = (1, 4, 6)


def expanded(axis, output):
    tensors = [
        build.tensor(SHAPE, name="x"),
        build.constant(axis, "int32", name="axis"),
        build.tensor(output, name="y"),
    ]
    return build.model(tensors, [("EXPAND_DIMS", [0, 1], 2, {})])


SEEDS = {"EXPAND_DIMS": expanded(-1, (1, 4, 6, 1))}


@pytest.mark.parametrize(
    ("axis", "output"),
    [([-2], (1, 4, 1, 6)), (0, (1, 1, 4, 6)), (3, (1, 4, 6, 1)), (-4, (1, 1, 4, 6))],
)
def test_a_dimension_comes_as_in_litert(axis, output):
    x = np.arange(24, dtype=np.float32).reshape(SHAPE)
    data = expanded(axis, output)
    expected = runtimes.builtin_ref(data)(x)
    assert expected.shape == output
    equal(data, x, expected)


@pytest.mark.parametrize("axis", [4, -5, [0, 1]])
def test_other_axes_are_refused(axis):
    with pytest.raises(ModelError, match="EXPAND_DIMS 'y': the axis is one constant number"):
        plan(read(expanded(axis, (1, 1, 4, 6))))
