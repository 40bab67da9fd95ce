"""FILL: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest

import build
import moved
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal


def filled(dtype, shape, *, value=None, dims=None):
    """A model of the input [1], or of a constant value and an input that is added."""
    dims = shape if dims is None else dims
    if value is None:
        tensors = [
            build.tensor((1,), dtype),
            build.constant(dims, "int32"),
            build.tensor(shape, dtype),
        ]
        return build.model(tensors, [("FILL", [1, 0], 2, {})])
    tensors = [
        build.tensor(shape, dtype),
        build.constant(dims, "int64"),
        build.constant(value, dtype),
        build.tensor(shape, dtype),
        build.tensor(shape, dtype),
    ]
    return build.model(tensors, [("FILL", [1, 2], 3, {}), ("ADD", [3, 0], 4, {})])


SEEDS = {"FILL float32": filled("float32", (1, 3), value=2.5)}


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
def test_a_constant_is_known(dtype, shape):
    data = filled(dtype, shape, value=7)
    assert len(plan(read(data)).steps) == 1
    x = moved.drawn(1, dtype, shape) % 100
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("dtype", moved.TYPES)
def test_a_value_may_be_computed(dtype):
    """LiteRT's is a scalar, which is no input of a model here."""
    data = filled(dtype, (2, 5))
    x = moved.drawn(1, dtype, (1,))
    equal(data, x, np.full((2, 5), x[0]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (filled("int8", (2,), dims=[-2]), r"the shape is constant, .*; here it is \[-2\]"),
        (filled("int32", (2,), value=[1, 2]), r"one number of .* here it is int32 \[2\] for int32"),
    ],
)
def test_limits_are_told(data, message):
    with pytest.raises(ModelError, match=message):
        plan(read(data))
