"""TOPK_V2: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError, kernels
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import drawn

TYPES = ("float32", "int8", "uint8", "int16", "int32", "int64")


def topk(dtype, shape, count, count_type="int32", positions="int32"):
    """A model of the op."""
    scale = 0.5 if dtype in ("int8", "uint8", "int16") else 0.0
    output = (*shape[:-1], max(count, 1))
    tensors = [
        build.tensor(shape, dtype, scale),
        build.constant(count, count_type),
        build.tensor(output, dtype, scale, name="values"),
        build.tensor(output, positions, name="positions"),
    ]
    return build.model(tensors, [("TOPK_V2", [0, 1], [2, 3], {})])


SEEDS = {f"TOPK_V2 {dtype}": topk(dtype, (2, 7), 3) for dtype in TYPES}


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(TYPES),
    rows=st.lists(st.integers(1, 3), max_size=3).map(tuple),
    length=st.integers(1, 40),
    count=st.integers(1, 40),
    few=st.booleans(),
)
def test_it_is_what_litert_gives(seed, dtype, rows, length, count, few):
    rng = np.random.default_rng(seed)
    shape = (*rows, length)
    x = rng.integers(0, 4, shape).astype(dtype) if few else drawn(rng, dtype, shape)
    data = topk(dtype, shape, min(count, length))
    expected = runtimes.run_builtin_ref(data, [x])
    for name, engine in runtimes.engines(data).items():
        for answer, one in zip(engine.run((x,)), expected, strict=True):
            np.testing.assert_array_equal(answer, one, err_msg=name)


def test_what_is_no_number_comes_last():
    nan, inf = np.nan, np.inf
    x = np.array([nan, 1, inf, nan, -inf, 0.0, -0.0, 1], np.float32)
    (step,) = plan(read(topk("float32", (1, 8), 8))).steps
    values, positions = kernels.run(step.kernel.name, step.kernel.params, x)
    assert positions.tolist() == [2, 1, 7, 5, 6, 4, 0, 3]
    np.testing.assert_array_equal(values, x[positions])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bool", (2, 3), 1), "positions int32; here it is bool, bool, int32"),
        (
            ("int8", (2, 3), 1, "int32", "int16"),
            "positions int32; here it is int8, int8, int16",
        ),
        (("int8", (2, 3), 4), "from 1 to the length of a row; here it is 4 of int8 [2, 3]"),
        (("int8", (2, 3), 0), "from 1 to the length of a row; here it is 0 of int8 [2, 3]"),
        (("int8", (2, 3), 1, "int16"), "one constant int32 number"),
    ],
)
def test_limits_are_told(arguments, message):
    with pytest.raises(ModelError) as error:
        plan(read(topk(*arguments)))
    assert message in str(error.value)
