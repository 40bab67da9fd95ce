"""SLICE: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import moved
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

SEEDS = {
    "SLICE int8": moved.model(
        "SLICE", "int8", (1, 5, 4, 3), [[0, 1, 0, 1], [1, 3, -1, 2]], [(1, 3, 4, 2)]
    )
}


@settings(max_examples=40, deadline=None)
@given(seed=moved.seeds, dtype=moved.types, data=st.data(), wide=st.booleans())
def test_it_is_what_litert_gives(seed, dtype, data, wide):
    shape = data.draw(moved.shapes(5, 5))
    begins = [data.draw(st.integers(0, size - 1)) for size in shape]
    sizes = [
        data.draw(st.just(-1) | st.integers(1, size - begin))
        for size, begin in zip(shape, begins, strict=True)
    ]
    x = moved.drawn(seed, dtype, shape)
    constants = [build.constant(one, "int64" if wide else "int32") for one in (begins, sizes)]
    ends = (None if n < 0 else begin + n for begin, n in zip(begins, sizes, strict=True))
    expected = x[tuple(map(slice, begins, ends))]
    (output,) = moved.compare("SLICE", x, constants, [expected.shape])
    np.testing.assert_array_equal(output, expected)


def test_a_batch_is_that_of_its_images():
    moved.batched(SEEDS["SLICE int8"], moved.drawn(2, "int8", (4, 5, 4, 3)))


def test_an_input_whose_strides_are_no_int32_is_refused():
    block = [[0, 0, 0], [1, 1, 1]]
    data = moved.model("SLICE", "int8", (2, 2**30, 4), block, [(1, 1, 1)])
    with pytest.raises(ModelError, match=r"has 8589934592 bytes, at most 2\*\*31 - 1 are moved"):
        plan(read(data))


@pytest.mark.parametrize(
    "block", [([0], [1]), ([-1, 0], [1, 1]), ([1, 0], [2, 1]), ([0, 0], [1, -2]), ([0, 0], [1])]
)
def test_blocks_that_do_not_fit_are_refused(block):
    with pytest.raises(ModelError, match=r"begin and size are constant, .* inside the tensor"):
        plan(read(moved.model("SLICE", "int8", (2, 3), block, [(1, 1)])))


def test_an_output_that_turns_out_to_be_empty_is_refused():
    data = moved.model("SLICE", "int8", (1, 5, 4, 3), [[0, 1, 0, 1], [1, 0, 4, 2]], [(1, 1, 4, 2)])
    with pytest.raises(ModelError, match=r"its output '.*' is empty: \[1, 0, 4, 2\]"):
        plan(read(data))
