"""TILE: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import moved
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

SEEDS = {"TILE int8": moved.model("TILE", "int8", (1, 3, 4), [[1, 2, 3]], [(1, 6, 12)])}


@settings(max_examples=40, deadline=None)
@given(seed=moved.seeds, dtype=moved.types, data=st.data(), wide=st.booleans())
def test_it_is_what_litert_gives(seed, dtype, data, wide):
    shape = data.draw(moved.shapes(5, 3))
    multiples = [data.draw(st.integers(1, 3)) for _ in shape]
    x = moved.drawn(seed, dtype, shape)
    (output,) = moved.compare("TILE", x, [build.constant(multiples, "int64" if wide else "int32")])
    np.testing.assert_array_equal(output, np.tile(x, multiples))


@pytest.mark.parametrize("multiples", [[2], [1, -1], [0, 1]])
def test_other_multiples_are_refused(multiples):
    with pytest.raises(
        ModelError, match="multiples are constant, one from 1 on for each dimension"
    ):
        plan(read(moved.model("TILE", "int8", (2, 3), [multiples], [(2, 3)])))
