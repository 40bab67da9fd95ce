"""SPLIT: every engine against LiteRT, byte by byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moved
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

SEEDS = {
    "SPLIT float32": moved.model(
        "SPLIT", "float32", (1, 3, 4), [2], [(1, 3, 2)] * 2, first=1, joined=True, numSplits=2
    )
}


@settings(max_examples=40, deadline=None)
@given(
    seed=moved.seeds,
    dtype=st.sampled_from(("int8", "uint8", "int16", "float32", "int32")),
    shape=moved.shapes(5),
    count=st.integers(1, 4),
    data=st.data(),
)
def test_it_is_what_litert_gives(seed, dtype, shape, count, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    whole = list(shape)
    whole[axis] *= count
    x = moved.drawn(seed, dtype, tuple(whole))
    moved.compare("SPLIT", x, [axis], count, first=1, numSplits=count)


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_types_that_litert_lacks(dtype):
    data = moved.model("SPLIT", dtype, (1, 4), [1], [(1, 2)] * 2, first=1, numSplits=2)
    assert plan(read(data)).steps


@pytest.mark.parametrize(
    ("axis", "count", "outputs", "message"),
    [
        (2, 2, 2, r"the axis is one constant number, a dimension .* \[2\] of int8 \[2, 4\]"),
        (1, 3, 3, "the number of outputs divides the size .* 3 of int8 .2, 4. for 3 outputs"),
        (1, 2, 3, "the number of outputs divides the size"),
        (1, 0, 1, "the number of outputs divides the size"),
    ],
)
def test_limits_are_told(axis, count, outputs, message):
    shapes = [(2, 2)] * outputs
    data = moved.model("SPLIT", "int8", (2, 4), [axis], shapes, first=1, numSplits=count)
    with pytest.raises(ModelError, match=message):
        plan(read(data))
