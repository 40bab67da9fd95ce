"""BROADCAST_TO: every engine against LiteRT, byte by byte."""

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
    "BROADCAST_TO int8": moved.model(
        "BROADCAST_TO", "int8", (1, 3, 1, 2), [[1, 3, 4, 2]], [(1, 3, 4, 2)]
    )
}


@settings(max_examples=40, deadline=None)
@given(seed=moved.seeds, dtype=moved.types, data=st.data(), wide=st.booleans())
def test_it_is_what_litert_gives(seed, dtype, data, wide):
    target = data.draw(moved.shapes(6))
    shape = tuple(data.draw(st.sampled_from((1, size))) for size in target)
    shape = shape[data.draw(st.integers(0, len(shape) - 1)) :]
    x = moved.drawn(seed, dtype, shape)
    constant = build.constant(target, "int64" if wide else "int32")
    (output,) = moved.compare("BROADCAST_TO", x, [constant])
    np.testing.assert_array_equal(output, np.broadcast_to(x, target))


@pytest.mark.parametrize("target", [[3], [3, 3], [2, 2, 2], [2, -1]])
def test_other_shapes_are_refused(target):
    with pytest.raises(ModelError, match="is constant, and the input's can be broadcast to it"):
        plan(read(moved.model("BROADCAST_TO", "int8", (2, 3), [target], [(2, 3)])))
