"""ARG_MAX and ARG_MIN: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from runtimes import drawn, equal

OPS = ("ARG_MAX", "ARG_MIN")
TYPES = ("float32", "int8", "uint8", "int32", "bool")
CODES = {"int32": 2, "int64": 4}


def position(op, dtype, shape, axis=-1, output="int32", kind="int32", code=None):
    """A model of one op with a constant axis."""
    kept = list(shape)
    del kept[axis]
    quantized = (0.05, 3) if dtype in ("int8", "uint8") else ()
    tensors = [
        build.tensor(shape, dtype, *quantized),
        build.constant(axis, kind),
        build.tensor(kept, output),
    ]
    options = {"outputType": CODES[output] if code is None else code}
    return build.model(tensors, [(op, [0, 1], 2, options)])


SEEDS = {f"{op} {dtype}": position(op, dtype, (2, 19, 3), 1) for op in OPS for dtype in TYPES}
SEEDS["ARG_MAX int64"] = position("ARG_MAX", "int8", (2, 19), 1, "int64")


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    op=st.sampled_from(OPS),
    dtype=st.sampled_from(TYPES),
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    depth=st.integers(1, 40),
    axis=st.integers(-5, 4),
    output=st.sampled_from(("int32", "int64")),
    kind=st.sampled_from(("int32", "int64")),
    few=st.booleans(),
)
def test_it_is_what_litert_gives(seed, op, dtype, shape, depth, axis, output, kind, few):
    axis = max(-len(shape) - 1, min(len(shape), axis))
    shape.insert(axis % (len(shape) + 1), depth)
    rng = np.random.default_rng(seed)
    if few or dtype == "bool":  # equal numbers, of which the first counts
        x = rng.integers(2, size=shape).astype(dtype)
    else:
        x = drawn(rng, dtype, tuple(shape))
    data = position(op, dtype, shape, axis, output, kind)
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("op", OPS)
def test_zeros_of_either_sign_are_equal(op):
    x = np.array([[0.0, -0.0, 0.0], [-0.0, 0.0, -0.0]], np.float32)
    data = position(op, "float32", x.shape)
    equal(data, x, np.zeros(2, np.int32))


def test_a_batch_of_any_size_is_run():
    data = position("ARG_MAX", "int8", (1, 4, 5), 1)
    x = drawn(np.random.default_rng(1), "int8", (6, 4, 5))
    runtimes.agree(runtimes.engines(data), x, x.argmax(axis=1))


@pytest.mark.parametrize(
    ("dtype", "kinds", "message"),
    [
        ("int16", {}, "int32/int64 as stated; here it is int16 to int32"),
        ("float32", {"code": 4}, "here it is float32 to int32"),
        ("float32", {"code": 1}, "here it is float32 to int32"),
    ],
)
def test_types_that_are_not_run_are_refused(dtype, kinds, message):
    assert message in runtimes.refused(position("ARG_MAX", dtype, (2, 3), **kinds))


@pytest.mark.parametrize("axis", [[2], [-3], [0, 1]])
def test_axes_that_are_not_there_are_refused(axis):
    tensors = [build.tensor((2, 3)), build.constant(axis, "int32"), build.tensor((2,), "int32")]
    data = build.model(tensors, [("ARG_MIN", [0, 1], 2, {"outputType": 2})])
    message = f"the axis is one constant number, a dimension of the input; here it is {axis} of"
    assert message in runtimes.refused(data)
