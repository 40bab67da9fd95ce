"""REVERSE_SEQUENCE: every engine against LiteRT, byte by byte."""

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

TYPES = ("float32", "uint8", "int16", "int32", "int64")


def reversing(dtype, shape, lengths, batch, sequence, kind="int32"):
    """A model of the op with constant lengths."""
    scale = 0.5 if dtype in ("uint8", "int16") else 0.0
    tensors = [
        build.tensor(shape, dtype, scale),
        build.constant(lengths, kind),
        build.tensor(shape, dtype, scale),
    ]
    options = {"seqDim": sequence, "batchDim": batch}
    return build.model(tensors, [("REVERSE_SEQUENCE", [0, 1], 2, options)])


SEEDS = {
    "REVERSE_SEQUENCE float32": reversing("float32", (2, 3, 2), [3, 2], 0, 1),
    "REVERSE_SEQUENCE int16": reversing("int16", (4, 3, 2), [1, 4], 2, 0, "int64"),
}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(TYPES),
    kind=st.sampled_from(("int32", "int64")),
    shape=st.lists(st.integers(1, 5), min_size=2, max_size=5).map(tuple),
    dimensions=st.permutations(range(5)),
)
def test_it_is_what_litert_gives(seed, dtype, kind, shape, dimensions):
    batch, sequence = [axis for axis in dimensions if axis < len(shape)][:2]
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, shape[sequence], shape[batch], endpoint=True)
    data = reversing(dtype, shape, lengths, batch, sequence, kind)
    x = drawn(rng, dtype, shape)
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_lengths_beyond_the_sequence_are_its_ends():
    data = reversing("int32", (3, 2), [-1, 3, 2**31 - 1], 0, 1)
    x = np.arange(6, dtype=np.int32).reshape(3, 2)
    equal(data, x, np.array([[0, 1], [3, 2], [5, 4]], np.int32))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("int8", (2, 3), [1, 1], 0, 1), "lengths int32 or int64; here it is int8, int8, int32"),
        (("int32", (2, 3), [1, 1], 0, 0), "two of the input's; here it is 0 and 0 of int32 [2, 3]"),
        (("int32", (2, 3), [1, 1], 0, 2), "two of the input's; here it is 0 and 2 of int32 [2, 3]"),
        (("int32", (2, 3), [1], 0, 1), "a length for each batch; here it is int32 [1]"),
    ],
)
def test_limits_are_told(arguments, message):
    with pytest.raises(ModelError) as error:
        plan(read(reversing(*arguments)))
    assert message in str(error.value)
