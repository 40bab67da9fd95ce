"""SQRT and RSQRT: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import unary
from runtimes import equal, f32
from unary import FLOAT, int8s

OPS = ("SQRT", "RSQRT")
SEEDS = {
    **unary.seeds("SQRT", 0.02, {"int8": (0.04, 1), "int16": (0.0004, 0)}),
    **unary.seeds("RSQRT", 0.02, {"int8": (0.04, 1), "int16": (0.0004, 0)}),
}

either = st.sampled_from(OPS)


@settings(max_examples=100, deadline=None)
@given(op=either, power=st.floats(-5, 1), output=st.floats(-4, 1), a=int8s, b=int8s)
def test_int8(op, power, output, a, b):
    x = np.arange(a, 128).astype(np.int8)[None]
    data = build.unary(op, ("int8", f32(10**power), a), ("int8", f32(10**output), b), x.size)
    equal(data, x, runtimes.builtin_ref(data)(x))


@settings(max_examples=30, deadline=None)
@given(op=either, power=st.floats(-6, 0), output=st.floats(-6, -2))
def test_int16(op, power, output):
    x = np.arange(2**15).astype(np.int16)[None]
    data = build.unary(op, ("int16", f32(10**power), 0), ("int16", f32(10**output), 0), x.size)
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize(("op", "dtype"), [("SQRT", "int8"), ("SQRT", "int16"), ("RSQRT", "int8")])
def test_negative_integers_count_as_0(op, dtype):
    """LiteRT stops at them."""
    x = np.array([[-100, -1, 0]], dtype)
    data = build.unary(op, (dtype, 0.1, 0), (dtype, 0.1, 0), x.size)
    for engine in runtimes.engines(data).values():
        assert len(set(np.asarray(engine.run(x)).ravel().tolist())) == 1


@pytest.mark.parametrize("op", OPS)
def test_float32_has_the_bytes_of_litert(op):
    squares = np.arange(1, 4097, dtype=np.float32) ** 2
    beside = [np.nextafter(squares, np.float32(np.inf)), np.nextafter(squares, np.float32(0))]
    special = np.array([0.0, 1e-45, 3.4028235e38], np.float32)
    x = np.concatenate([np.abs(unary.numbers()[0]), squares, *beside, special])[None]
    data = build.unary(op, FLOAT, FLOAT, x.size)
    equal(data, x, runtimes.builtin_ref(data)(x))


NAN, INF = np.nan, np.inf
SPECIAL = {
    "SQRT": {NAN: NAN, INF: INF, -INF: NAN, -1.0: NAN, -1e-45: NAN, -0.0: -0.0},
    "RSQRT": {NAN: NAN, INF: 0.0, -INF: NAN, -1.0: NAN, 0.0: INF},
}


@pytest.mark.parametrize("op", OPS)
def test_what_is_not_a_number(op):
    unary.check_special(op, SPECIAL[op])


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("source", [("int16", 0.0001, 0), FLOAT])
def test_in_place(op, source):
    unary.check_in_place(op, source, source)


@pytest.mark.parametrize(
    ("op", "source", "output", "message"),
    [
        ("SQRT", ("uint8", 0.1, 0), ("uint8", 0.1, 0), "both int8, int16 or float32"),
        ("RSQRT", ("int8", 1e-30, 0), ("int8", 0.1, 0), "from 2..-40 to 2..40"),
    ],
)
def test_limits_are_told(op, source, output, message):
    unary.check_refused(op, source, output, message)
