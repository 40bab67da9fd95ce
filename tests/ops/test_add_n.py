"""ADD_N: every engine against LiteRT."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import build
import elementwise
from runtimes import builtin_ref, drawn, equal

TYPES = ("float32", "int32")


def repeated(dtype: str) -> bytes:
    """Return a model that adds its input to itself, and to that."""
    tensors = [build.tensor((2, 9), dtype) for _ in range(3)]
    ops = [("ADD_N", [0, 0], 1, {}), ("ADD_N", [1, 0, 1, 1], 2, {})]
    return build.model(tensors, ops)


SEEDS = {f"ADD_N {dtype}": repeated(dtype) for dtype in TYPES}


@elementwise.quick(30)
@given(
    dtype=st.sampled_from(TYPES),
    count=st.integers(2, 9),
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    seed=elementwise.seeds,
    at=st.integers(0, 1),
)
def test_sums_are_what_litert_gives(dtype, count, shape, seed, at):
    rng = np.random.default_rng(seed)
    elementwise.check("ADD_N", [drawn(rng, dtype, tuple(shape)) for _ in range(count)], at=at)


def test_sums_in_place_keep_what_is_still_read():
    x = drawn(np.random.default_rng(0), "float32", (2, 9))
    data = SEEDS["ADD_N float32"]
    equal(data, x, builtin_ref(data)(x))


def test_limits_are_told():
    x, y = np.zeros((2, 3), np.int32), np.zeros(3, np.int32)
    elementwise.refuse("have the same shape; here it is int32", "ADD_N", [x, y])
    elementwise.refuse("2 to 256 inputs, .*; here it is 1", "ADD_N", [x])
    z = x.astype(np.int8)
    elementwise.refuse("int32 or float32; here it is int8", "ADD_N", [z, z])
