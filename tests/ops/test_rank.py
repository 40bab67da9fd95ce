"""RANK: the number of dimensions, which the planner knows, as in LiteRT."""

import numpy as np
import pytest

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal


def ranked(shape, dtype="int32"):
    """A model that adds its rank to its input, by way of float32."""
    tensors = [build.tensor(shape), build.tensor((), dtype), build.tensor(()), build.tensor(shape)]
    return build.model(
        tensors, [("RANK", [0], 1, {}), ("CAST", [1], 2, {}), ("ADD", [0, 2], 3, {})]
    )


SEEDS = {"RANK": ranked((1, 4))}


@pytest.mark.parametrize("shape", [(4,), (1, 4), (2, 1, 2, 1, 3)])
def test_it_is_that_of_litert(shape):
    x = np.ones(shape, np.float32)
    expected = runtimes.builtin_ref(ranked(shape))(x)
    assert expected.max() == 1 + len(shape)
    equal(ranked(shape), x, expected)


def test_other_types_are_refused():
    with pytest.raises(ModelError, match="the type of the output is int32; here it is int64"):
        plan(read(ranked((1, 4), "int64")))
