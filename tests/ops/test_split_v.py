"""SPLIT_V: every engine against LiteRT, byte by byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import moved
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

SEEDS = {
    "SPLIT_V int8": moved.model(
        "SPLIT_V", "int8", (1, 3, 5), [[2, -1], 1], [(1, 2, 5), (1, 1, 5)], joined=True, numSplits=2
    )
}


@settings(max_examples=40, deadline=None)
@given(
    seed=moved.seeds,
    dtype=st.sampled_from(("int8", "uint8", "int16", "float32", "int32", "int64")),
    shape=moved.shapes(5),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    data=st.data(),
    wide=st.booleans(),
)
def test_it_is_what_litert_gives(seed, dtype, shape, sizes, data, wide):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    whole = list(shape)
    whole[axis] = sum(sizes)
    if data.draw(st.booleans()):
        sizes[data.draw(st.integers(0, len(sizes) - 1))] = -1
    x = moved.drawn(seed, dtype, tuple(whole))
    constant = build.constant(sizes, "int64" if wide else "int32")
    moved.compare("SPLIT_V", x, [constant, axis], len(sizes), numSplits=len(sizes))


@pytest.mark.parametrize("sizes", [[1, 2], [-1, -1], [5, -1], [4], [-2, 6]])
def test_other_sizes_are_refused(sizes):
    data = moved.model("SPLIT_V", "int8", (2, 4), [sizes, 1], [(2, 2)] * 2, numSplits=2)
    with pytest.raises(
        ModelError, match="sizes are constant, one for each output; at most one is -1"
    ):
        plan(read(data))
