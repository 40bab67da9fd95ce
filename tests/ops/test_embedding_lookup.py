"""EMBEDDING_LOOKUP: every engine against LiteRT, byte by byte."""

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

TYPES = (("float32", "float32"), ("int8", "int8"), ("uint8", "uint8"), ("int8", "float32"))


def lookup(types, count, shape, scale=0.5, zero_point=0, *, indices="int32", axis=0):
    """A model that looks up its input in a constant table."""
    table, output = types
    rng = np.random.default_rng(0)
    quantized = (scale, zero_point) if table != "float32" else ()
    tensors = [
        build.tensor((count,), indices),
        build.tensor(shape, table, *quantized, data=drawn(rng, table, shape), axis=axis),
        build.tensor((count, *shape[1:]), output, *(quantized if output == table else ())),
    ]
    return build.model(tensors, [("EMBEDDING_LOOKUP", [0, 1], 2, {})])


SEEDS = {
    "EMBEDDING_LOOKUP int8": lookup(("int8", "int8"), 3, (4, 5)),
    "EMBEDDING_LOOKUP hybrid": lookup(("int8", "float32"), 3, (4, 5), [0.5, 0.25, 0.1, 3.0]),
}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    types=st.sampled_from(TYPES),
    count=st.integers(1, 7),
    shape=st.lists(st.integers(1, 6), min_size=2, max_size=4).map(tuple),
    by_row=st.booleans(),
)
def test_it_is_what_litert_gives(seed, types, count, shape, by_row):
    rng = np.random.default_rng(seed)
    scales = [runtimes.f32(10 ** rng.uniform(-6, 3)) for _ in range(shape[0])]
    by_row = by_row and types == ("int8", "float32")
    data = lookup(types, count, shape, scales if by_row else scales[0])
    x = rng.integers(0, shape[0], count).astype(np.int32)
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("types", TYPES)
def test_there_are_zeros_where_there_is_no_row(types):
    data = lookup(types, 4, (3, 2))
    x = np.array([-1, 3, 2**31 - 1, -(2**31)], np.int32)
    equal(data, x, np.zeros((4, 2), types[1]))


@pytest.mark.parametrize(
    ("arguments", "kinds", "message"),
    [
        ((("int32", "int32"), 3, (4, 5)), {}, "indices are int32; here it is int32, int32, int32"),
        ((("uint8", "float32"), 3, (4, 5)), {}, "here it is uint8, float32, int32"),
        ((("int8", "int8"), 3, (4, 5)), {"indices": "int64"}, "here it is int8, int8, int64"),
        ((("int8", "int8"), 3, (4,)), {}, "the table at least two; here it is int32 [3] and int8"),
        ((("int8", "float32"), 3, (4, 5), 0.5, 3), {}, "and the zero point 0"),
        ((("int8", "float32"), 3, (4, 2), [0.5] * 2), {"axis": 1}, "scales along axis 1"),
    ],
)
def test_limits_are_told(arguments, kinds, message):
    with pytest.raises(ModelError) as error:
        plan(read(lookup(*arguments, **kinds)))
    assert message in str(error.value)
