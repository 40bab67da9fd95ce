"""RANGE: equally spaced numbers, which the planner knows, as in LiteRT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read


def ranged(dtype, numbers, count):
    """A model that joins its input to the numbers, as float32."""
    tensors = [build.constant(number, dtype) for number in numbers]
    tensors += [build.tensor((count,), dtype), build.tensor((count,)), build.tensor((1,))]
    tensors.append(build.tensor((count + 1,)))
    ops = [("RANGE", [0, 1, 2], 3, {}), ("CAST", [3], 4, {})]
    return build.model(tensors, [*ops, ("CONCATENATION", [4, 5], 6, {"axis": 0})], inputs=[5])


def check(dtype, numbers):
    guess = ranged(dtype, numbers, 1)
    x = np.array([5], np.float32)
    count = runtimes.builtin_ref(guess)(x).size - 1
    data = ranged(dtype, numbers, count)
    runtimes.equal(data, x, runtimes.builtin_ref(data)(x))


SEEDS = {"RANGE": ranged("int32", (3, 12, 2), 5)}

whole = st.integers(-50, 50)


@settings(max_examples=40, deadline=None)
@given(
    dtype=st.sampled_from(("int32", "int64")),
    start=whole,
    distance=st.integers(1, 60),
    step=st.integers(1, 9),
    sign=st.sampled_from((-1, 1)),
)
def test_integers_are_those_of_litert(dtype, start, distance, step, sign):
    check(dtype, (start, start + sign * distance, sign * step))


@settings(max_examples=40, deadline=None)
@given(
    start=st.floats(-9, 9, width=32),
    distance=st.floats(0.125, 20, width=32),
    step=st.floats(0.125, 4, width=32),
    sign=st.sampled_from((-1, 1)),
)
def test_floats_are_those_of_litert(start, distance, step, sign):
    check("float32", (start, np.float32(start + sign * distance), sign * step))


@pytest.mark.parametrize(
    ("dtype", "numbers", "message"),
    [
        ("int32", (3, 12, 0), "lead from the start to the limit, .*; here it is 3, 12, 0"),
        ("int32", (3, 12, -1), "lead from the start to the limit"),
        ("int64", (0, 2**40, 1), r"in at most 2\*\*20 of them"),
        ("float32", (0, np.inf, 1), "lead from the start to the limit"),
        ("int32", ([3, 4], 12, 1), r"one constant number each; here it is int32 \[2\], int32 \[\]"),
        ("int16", (3, 12, 1), "is int32, int64 or float32; here it is int16, int16, int16, int16"),
    ],
)
def test_limits_are_told(dtype, numbers, message):
    with pytest.raises(ModelError, match=message):
        plan(read(ranged(dtype, numbers, 5)))
