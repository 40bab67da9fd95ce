"""ONE_HOT: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal

TYPES = ("float32", "int8", "uint8", "int32", "int64", "bool")


def one_hot(dtype, indices, shape, depth, axis=-1, values=(1, 0), depth_type="int32"):
    """A model of the op; the output is quantised, for the exporter's sake."""
    place = len(shape) if axis == -1 else axis
    scale = 0.5 if dtype in ("int8", "uint8") else 0.0
    tensors = [
        build.tensor(shape, indices),
        build.constant(depth, depth_type),
        *(build.constant(value, dtype) for value in values),
        build.tensor((*shape[:place], max(depth, 1), *shape[place:]), dtype, scale),
    ]
    return build.model(tensors, [("ONE_HOT", range(4), 4, {"axis": axis})])


SEEDS = {
    "ONE_HOT float32": one_hot("float32", "int32", (2, 3), 4, values=(2, -1)),
    "ONE_HOT int8": one_hot("int8", "int64", (2, 3), 4, 1, values=(7, -8)),
}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(TYPES),
    indices=st.sampled_from(("int32", "int64")),
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple),
    depth=st.integers(1, 9),
    axis=st.integers(-1, 4),
    values=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
def test_it_is_what_litert_gives(seed, dtype, indices, shape, depth, axis, values):
    data = one_hot(dtype, indices, shape, depth, min(axis, len(shape)), values)
    x = np.random.default_rng(seed).integers(-2, depth + 2, shape).astype(indices)
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_wide_indices_wrap_as_in_litert():
    data = one_hot("float32", "int64", (3,), 2)
    x = np.array([2**32 + 1, -(2**32), 2**31], np.int64)
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize(
    ("arguments", "kinds", "message"),
    [
        (
            ("int16", "int32", (2,), 3),
            {},
            "bool; indices int32 or int64; here it is int32, i",
        ),
        (("int8", "int8", (2,), 3), {}, "indices int32 or int64; here it is int8, int8"),
        (("int8", "int32", (2,), 0), {}, "constant int32 number, at least 1"),
        (("int8", "int32", (2,), 3), {"depth_type": "int64"}, "constant int32 number, at least 1"),
        (("int8", "int32", (2,), 3), {"axis": 2}, "one of the output, or -1 for the last; here it"),
        (
            ("int8", "int32", (2,), 3),
            {"values": ([1, 2], 0)},
            "one number each; here it is int8",
        ),
    ],
)
def test_limits_are_told(arguments, kinds, message):
    with pytest.raises(ModelError) as error:
        plan(read(one_hot(*arguments, **kinds)))
    assert message in str(error.value)
