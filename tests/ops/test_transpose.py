"""TRANSPOSE: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moved
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

SEEDS = {
    "TRANSPOSE int8": moved.model(
        "TRANSPOSE", "int8", (1, 5, 3, 4), [[0, 2, 1, 3]], [(1, 3, 5, 4)]
    ),
    "TRANSPOSE float32": moved.model("TRANSPOSE", "float32", (1, 18, 3), [[0, 2, 1]], [(1, 3, 18)]),
}


@settings(max_examples=40, deadline=None)
@given(seed=moved.seeds, dtype=moved.types, data=st.data())
def test_it_is_what_litert_gives(seed, dtype, data):
    shape = data.draw(moved.shapes(6))
    axes = data.draw(st.permutations(range(len(shape))))
    axes = [axis - len(shape) * data.draw(st.booleans()) for axis in axes]
    x = moved.drawn(seed, dtype, shape)
    (output,) = moved.compare("TRANSPOSE", x, [axes])
    np.testing.assert_array_equal(output, x.transpose(axes))


@pytest.mark.parametrize("dtype", moved.TYPES)
@pytest.mark.parametrize("shape", [(37, 50), (2, 33, 17), (16, 16, 3)])
def test_whole_and_partial_blocks_are_transposed(dtype, shape):
    axes = [*range(len(shape) - 3), *([1, 0] if len(shape) == 2 else [2, 1, 0])]
    moved.compare("TRANSPOSE", moved.drawn(1, dtype, shape), [axes])


def test_eight_dimensions_are_the_most_that_both_run():
    x = moved.drawn(1, "int16", (2, 3, 2, 1, 2, 3, 2, 2))
    moved.compare("TRANSPOSE", x, [[7, 3, 5, 1, 6, 4, 0, 2]])


def test_a_batch_is_that_of_its_images():
    data = moved.model("TRANSPOSE", "int8", (1, 4, 5, 3), [[0, 3, 1, 2]], [(1, 3, 4, 5)])
    moved.batched(data, moved.drawn(2, "int8", (5, 4, 5, 3)))


@pytest.mark.parametrize("axes", [[0, 0], [0, 2], [-3, 0], [0], [0, 1, 2]])
def test_no_permutations_are_refused(axes):
    data = moved.model("TRANSPOSE", "float32", (2, 3), [axes], [(3, 2)])
    with pytest.raises(ModelError, match="permutation is constant and names each dimension once"):
        plan(read(data))
