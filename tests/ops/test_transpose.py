"""TRANSPOSE: every engine against LiteRT, byte by byte."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moved
import trials
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from trials import Trial, between

SEEDS = {
    "TRANSPOSE int8": moved.model(
        "TRANSPOSE", "int8", (1, 5, 3, 4), [[0, 2, 1, 3]], [(1, 3, 5, 4)]
    ),
    "TRANSPOSE float32": moved.model("TRANSPOSE", "float32", (1, 18, 3), [[0, 2, 1]], [(1, 3, 18)]),
}


def trial(rng):
    """Loops over a tensor in any order, or over a part of it, forwards or backwards."""
    size, rows, rank = 1 << between(rng, 0, 3), between(rng, 1, 2), between(rng, 2, 4)
    shape = [between(rng, 1, 40 if axis < 2 else 3) for axis in range(rank)]
    rng.shuffle(shape)
    steps = [size * math.prod(shape[axis + 1 :]) for axis in range(rank)]
    loops = [(shape[axis], steps[axis]) for axis in rng.permutation(rank)]
    offset = 0
    if rng.integers(4) == 0:
        at = between(rng, 0, rank - 1)
        count, step = loops[at]
        offset, loops[at] = (count - 1) * step, (between(rng, 1, count), -step)
    elements = math.prod(count for count, _ in loops)
    table = np.array([*zip(*loops, strict=True)], np.int32)
    tensor = trials.int8s(rng, rows * size * math.prod(shape))
    params = [rows, tensor.nbytes // rows, size, offset, rank]
    return Trial(params, [tensor, table], [1], [rows * size * elements])


TRIALS = {"strided_copy": trial}


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
