"""MIRROR_PAD: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import moved
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

REFLECT, SYMMETRIC = range(2)
IMAGE = [[0, 0], [1, 2], [2, 1], [0, 0]]
SEEDS = {
    "MIRROR_PAD int8": moved.model(
        "MIRROR_PAD", "int8", (1, 4, 3, 2), [IMAGE], [(1, 7, 6, 2)], mode=0
    )
}


@settings(max_examples=40, deadline=None)
@given(
    seed=moved.seeds, dtype=moved.types, data=st.data(), symmetric=st.booleans(), wide=st.booleans()
)
def test_it_is_what_litert_gives(seed, dtype, data, symmetric, wide):
    shape = data.draw(moved.shapes(5))
    most = (st.integers(0, size - 1 + symmetric) for size in shape)
    paddings = [[data.draw(one), data.draw(one)] for one in most]
    x = moved.drawn(seed, dtype, shape)
    constant = build.constant(paddings, "int64" if wide else "int32")
    (output,) = moved.compare("MIRROR_PAD", x, [constant], mode=int(symmetric))
    expected = np.pad(x, paddings, mode="symmetric" if symmetric else "reflect")
    np.testing.assert_array_equal(output, expected)


def test_a_batch_is_that_of_its_images():
    moved.batched(SEEDS["MIRROR_PAD int8"], moved.drawn(2, "int8", (4, 4, 3, 2)))


@pytest.mark.parametrize(
    ("paddings", "mode"),
    [
        ([[2, 0], [0, 0]], REFLECT),
        ([[0, 0], [0, 4]], SYMMETRIC),
        ([[-1, 0], [0, 0]], 0),
        ([[0, 0]], 0),
    ],
)
def test_paddings_beyond_the_mirror_image_are_refused(paddings, mode):
    data = moved.model("MIRROR_PAD", "int8", (2, 3), [paddings], [(2, 3)], mode=mode)
    with pytest.raises(
        ModelError, match="for each dimension two numbers that its mirror image has"
    ):
        plan(read(data))


def test_very_many_positions_are_refused():
    data = moved.model(
        "MIRROR_PAD", "int8", (1, 2**18), [[[0, 0], [0, 1]]], [(1, 2**18 + 1)], mode=0
    )
    with pytest.raises(
        ModelError, match=r"have at most 2\*\*18 positions in all; here it is 262146"
    ):
        plan(read(data))
