"""REVERSE_V2: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moved
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

SEEDS = {"REVERSE_V2 float32": moved.model("REVERSE_V2", "float32", (1, 5, 3), [[1]], [(1, 5, 3)])}


@settings(max_examples=40, deadline=None)
@given(seed=moved.seeds, dtype=moved.types, data=st.data())
def test_it_is_what_litert_gives(seed, dtype, data):
    shape = data.draw(moved.shapes(5))
    # LiteRT reverses one range of neighbouring axes.
    first = data.draw(st.integers(0, len(shape) - 1))
    axes = list(range(first, data.draw(st.integers(first + 1, len(shape)))))
    x = moved.drawn(seed, dtype, shape)
    (output,) = moved.compare("REVERSE_V2", x, [axes])
    np.testing.assert_array_equal(output, np.flip(x, axes))


@pytest.mark.parametrize("axes", [[2], [-3], [0, 0]])
def test_other_axes_are_refused(axes):
    with pytest.raises(ModelError, match="the axes are constant and dimensions of the input"):
        plan(read(moved.model("REVERSE_V2", "int8", (2, 3), [axes], [(2, 3)])))
