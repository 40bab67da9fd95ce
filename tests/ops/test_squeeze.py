"""SQUEEZE: the same elements without dimensions of size 1, as in LiteRT."""

import numpy as np
import pytest

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal

SHAPE = (1, 4, 1, 6)


def squeezed(axes, output):
    tensors = [build.tensor(SHAPE, name="x"), build.tensor(output, name="y")]
    return build.model(tensors, [("SQUEEZE", [0], 1, {"squeezeDims": axes})])


SEEDS = {"SQUEEZE": squeezed([2], (1, 4, 6))}


@pytest.mark.parametrize(
    ("axes", "output"), [([0, 2], (4, 6)), ([2], (1, 4, 6)), ([-4], (4, 1, 6)), ([], (4, 6))]
)
def test_dimensions_go_as_in_litert(axes, output):
    x = np.arange(24, dtype=np.float32).reshape(SHAPE)
    data = squeezed(axes, output)
    expected = runtimes.builtin_ref(data)(x)
    assert expected.shape == output
    equal(data, x, expected)


@pytest.mark.parametrize("axes", [[1], [4], [-5]])
def test_other_dimensions_are_refused(axes):
    with pytest.raises(ModelError, match="SQUEEZE 'y': the dimensions that are removed are of"):
        plan(read(squeezed(axes, (4, 6))))
