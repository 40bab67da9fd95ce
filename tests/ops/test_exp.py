"""EXP: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import trials
import unary
from runtimes import f32
from unary import FLOAT, compare, int8s

SEEDS = unary.seeds("EXP", 0.02, {"int8": (0.04, 1), "int16": (0.0004, 0)})

TRIALS = {"transcendental_exp_float32": trials.unary_floats()}


@settings(max_examples=60, deadline=None)
@given(power=st.floats(-4, -1), output=st.floats(-4, 1), a=int8s, b=int8s)
def test_int8(power, output, a, b):
    scale, step = f32(10**power), f32(10**output)
    real = np.exp(scale * (unary.every("int8") - float(a)))
    compare("EXP", ("int8", scale, a), ("int8", step, b), "litert", unary.near_half(real, step))


@settings(max_examples=20, deadline=None)
@given(power=st.floats(-6, -3.3), output=st.floats(-5, -2))
def test_int16(power, output):
    compare("EXP", ("int16", f32(10**power), 0), ("int16", f32(10**output), 0))


def test_float32_is_rounded_nearly_rightly():
    x = unary.numbers()
    x[0, :3] = (88.8, -103.9, -104.1)
    data = build.unary("EXP", FLOAT, FLOAT, x.size)
    expected = runtimes.builtin_ref(data)(x)
    with np.errstate(over="ignore"):
        exact = np.exp(x.astype(np.longdouble))
    engines = runtimes.engines(data)
    answer = engines.pop("reference").run(x)
    usual = np.isfinite(answer) & (x > -87)
    assert unary.ulps(answer[usual], exact[usual]) < 0.501
    assert unary.ulps(answer[usual], expected[usual]) <= 1
    np.testing.assert_allclose(answer, expected, rtol=1e-6, atol=1e-44)
    for engine in engines.values():
        assert engine.run(x).tobytes() == answer.tobytes()


def test_what_is_not_a_number():
    unary.check_special("EXP", {np.nan: np.nan, np.inf: np.inf, -np.inf: 0.0, -0.0: 1.0})


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_extreme_scales_run_or_are_refused(dtype):
    x = unary.every(dtype)
    for scale, output in [(1e-45, 1e-45), (3e38, 3e38), (3e38, 1e-45), (1e-45, 3e38)]:
        data = build.unary("EXP", (dtype, scale, 0), (dtype, output, 0), x.size)
        engines = runtimes.engines(data)
        answer = engines.pop("reference").run(x)
        runtimes.agree(engines, x, answer)


@pytest.mark.parametrize("source", [("int16", 0.0001, 0), FLOAT])
def test_in_place(source):
    unary.check_in_place("EXP", source, source)


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [
        (("uint8", 0.1, 0), ("uint8", 0.1, 0), "both int8, int16 or float32"),
        (("int16", 0.1, 3), ("int16", 0.1, 0), "int16 the zero point 0"),
    ],
)
def test_limits_are_told(source, output, message):
    unary.check_refused("EXP", source, output, message)
