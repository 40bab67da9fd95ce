"""CUMSUM: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import drawn, equal

TYPES = ("float32", "int32", "int64")


def cumsum(dtype, shape, axis=0, **options):
    tensors = [
        build.tensor(shape, dtype),
        build.constant(axis, "int32"),
        build.tensor(shape, dtype),
    ]
    return build.model(tensors, [("CUMSUM", [0, 1], 2, options)])


SEEDS = {f"CUMSUM {dtype}": cumsum(dtype, (2, 9, 4), 1, reverse=True) for dtype in TYPES}


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(TYPES),
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple),
    axis=st.integers(-4, 3),
    exclusive=st.booleans(),
    reverse=st.booleans(),
)
def test_it_is_what_litert_gives(seed, dtype, shape, axis, exclusive, reverse):
    axis = max(-len(shape), min(len(shape) - 1, axis))
    data = cumsum(dtype, shape, axis, exclusive=exclusive, reverse=reverse)
    x = drawn(np.random.default_rng(seed), dtype, shape)
    x.ravel()[0] = -0.0
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_a_batch_of_any_size_is_run():
    data = cumsum("int32", (1, 4, 5), 1, exclusive=True)
    x = drawn(np.random.default_rng(1), "int32", (6, 4, 5))
    runtimes.equal_one_by_one(data, x)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            cumsum("float32", (2, 3), 2),
            "a dimension of the input; here it is [2] of float32 [2, 3]",
        ),
        (cumsum("float32", (2, 3), [0, 0]), "the axis is one constant number"),
        (cumsum("int16", (2, 3)), "int32, int64 or float32; here it is int16, int16"),
    ],
)
def test_limits_are_told(data, message):
    with pytest.raises(ModelError) as error:
        plan(read(data))
    assert message in str(error.value)
