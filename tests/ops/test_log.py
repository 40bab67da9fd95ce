"""LOG: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import unary
from runtimes import f32
from unary import FLOAT, compare, int8s

SEEDS = unary.seeds("LOG", 0.02, {"int8": (0.04, 1), "int16": (0.0004, 0)})


@settings(max_examples=60, deadline=None)
@given(power=st.floats(-4, 1), output=st.floats(-3, 1), a=int8s, b=int8s)
def test_int8(power, output, a, b):
    scale, step = f32(10**power), f32(10**output)
    real = np.log(np.maximum(scale * (unary.every("int8") - float(a)), 1e-9))
    doubtful = unary.near_half(real, step)
    compare("LOG", ("int8", scale, a), ("int8", step, b), "litert", doubtful)


@settings(max_examples=20, deadline=None)
@given(power=st.floats(-6, 0), output=st.floats(-5, -2))
def test_int16(power, output):
    compare("LOG", ("int16", f32(10**power), 0), ("int16", f32(10**output), 0))


def test_float32_is_rounded_nearly_rightly():
    x = np.abs(unary.numbers())
    near = 1 + np.arange(-3000, 3000) * 2.0**-23
    x = np.concatenate([x[0], near.astype(np.float32), [1, 0.70710678, 1.4142135]])
    x = x[x > 0].astype(np.float32)[None]
    data = build.unary("LOG", FLOAT, FLOAT, x.size)
    engines = runtimes.engines(data)
    answer = engines.pop("reference").run(x)
    assert unary.ulps(answer, np.log(x.astype(np.longdouble)), 1e-30) < 0.501
    assert unary.ulps(answer, runtimes.builtin_ref(data)(x), 1e-30) <= 1
    runtimes.agree(engines, x, answer)


def test_what_is_not_a_number():
    nan, inf = np.nan, np.inf
    unary.check_special("LOG", {nan: nan, inf: inf, -inf: nan, -1.0: nan, 0.0: -inf, 1.0: 0.0})


@pytest.mark.parametrize("source", [("int16", 0.0001, 0), FLOAT])
def test_in_place(source):
    unary.check_in_place("LOG", source, source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (("uint8", 0.1, 0), "both int8, int16 or float32"),
        (("int8", 0, 0), "one scale and zero point"),
    ],
)
def test_limits_are_told(source, message):
    unary.check_refused("LOG", source, source, message)
