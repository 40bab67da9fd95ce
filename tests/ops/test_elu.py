"""ELU: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import trials
import unary
from runtimes import f32
from unary import FLOAT, int8s

PEERS = {"litert": runtimes.builtin, "xnnpack": runtimes.xnnpack}
"""LiteRT has no reference kernel for it."""

SEEDS = unary.seeds("ELU", 0.02, {"int8": (0.01, 1)})

TRIALS = {"elu_float32": trials.unary_floats()}


@settings(max_examples=60, deadline=None)
@given(rounding=st.sampled_from(sorted(PEERS)), power=st.floats(-4, 0), output=st.floats(-3, 0),
       halves=st.booleans(), a=int8s, b=int8s)  # fmt: skip
def test_int8(rounding, power, output, halves, a, b):
    scale = f32(10**power)
    step = f32(2 * scale) if halves else f32(10**output)
    numbers = unary.every("int8")
    x = scale * (numbers - float(a))
    doubtful = unary.near_half(np.where(x < 0, np.expm1(np.minimum(x, 0)), x), step) & (x < 0)
    data = build.unary("ELU", ("int8", scale, a), ("int8", step, b), numbers.size)
    expected = PEERS[rounding](data)(numbers)
    for engine in runtimes.engines(data, rounding=rounding).values():
        difference = np.abs(engine.run(numbers).astype(int) - expected)
        assert difference[~doubtful].max(initial=0) == 0
        assert difference.max() <= 1


def test_float32_is_rounded_nearly_rightly():
    x = unary.numbers()
    data = build.unary("ELU", FLOAT, FLOAT, x.size)
    wide = x.astype(np.longdouble)
    exact = np.where(x < 0, np.expm1(np.minimum(wide, 0)), wide)
    engines = runtimes.engines(data)
    answer = engines.pop("reference").run(x)
    assert unary.ulps(answer, exact) < 0.501
    np.testing.assert_allclose(answer, runtimes.builtin(data)(x), rtol=1e-6, atol=1e-7)
    for engine in engines.values():
        assert engine.run(x).tobytes() == answer.tobytes()


def test_what_is_not_a_number_has_the_same_bytes_everywhere():
    unary.check_not_a_number("ELU")


def test_in_place():
    unary.check_in_place("ELU", FLOAT, FLOAT)


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_limits_are_told(dtype):
    unary.check_refused("ELU", (dtype, 0.1, 0), (dtype, 0.1, 0), "both int8 or float32")
