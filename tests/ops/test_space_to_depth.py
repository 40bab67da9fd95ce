"""SPACE_TO_DEPTH and DEPTH_TO_SPACE: every engine against LiteRT, byte by byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moved
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

SEEDS = {
    "SPACE_TO_DEPTH int8": moved.model(
        "SPACE_TO_DEPTH", "int8", (1, 4, 6, 3), [], [(1, 2, 3, 12)], blockSize=2
    ),
    "DEPTH_TO_SPACE int8": moved.model(
        "DEPTH_TO_SPACE", "int8", (1, 2, 3, 12), [], [(1, 4, 6, 3)], blockSize=2
    ),
}


@settings(max_examples=40, deadline=None)
@given(
    seed=moved.seeds,
    dtype=st.sampled_from(("int8", "uint8", "float32", "int32", "int64")),
    shape=st.tuples(*[st.integers(1, 3)] * 4),
    size=st.integers(1, 3),
)
def test_it_is_what_litert_gives(seed, dtype, shape, size):
    count, height, width, channels = shape
    large = moved.drawn(seed, dtype, (count, height * size, width * size, channels))
    (small,) = moved.compare("SPACE_TO_DEPTH", large, [], blockSize=size)
    (back,) = moved.compare("DEPTH_TO_SPACE", small, [], blockSize=size)
    assert back.tobytes() == large.tobytes()


def test_a_batch_is_that_of_its_images():
    moved.batched(SEEDS["SPACE_TO_DEPTH int8"], moved.drawn(2, "int8", (3, 4, 6, 3)))


@pytest.mark.parametrize(
    ("op", "shape", "size", "message"),
    [
        ("SPACE_TO_DEPTH", (1, 4, 6, 3), 4, "4 of int8 .1, 4, 6, 3."),
        ("DEPTH_TO_SPACE", (1, 4, 6, 10), 2, "its square the channels"),
        ("DEPTH_TO_SPACE", (1, 4, 6, 10), 0, "block size divides height and width"),
        ("SPACE_TO_DEPTH", (4, 6, 3), 2, "the input has 4 dimensions"),
    ],
)
def test_limits_are_told(op, shape, size, message):
    with pytest.raises(ModelError, match=message):
        plan(read(moved.model(op, "int8", shape, [], [(1,)], blockSize=size)))
