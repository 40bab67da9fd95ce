"""GELU: every engine against LiteRT."""

from math import erfc, sqrt, tanh

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import trials
import unary
from runtimes import f32
from unary import FLOAT, bytes_, compare, int8s, moved

OUTPUTS = {"int8": (0.01, 1), "uint8": (0.01, 1), "int16": (0.0004, 0)}
SEEDS = {
    **unary.seeds("GELU", 0.02, OUTPUTS),
    "GELU by tanh": build.unary("GELU", FLOAT, FLOAT, 19, approximate=True),
}

TRIALS = {f"{kernel}_float32": trials.unary_floats() for kernel in ("gelu", "gelu_tanh")}

FORMS = {
    False: lambda x: x * erfc(-x * sqrt(0.5)) / 2,
    True: lambda x: x * (1 + tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
}


@settings(max_examples=80, deadline=None)
@given(power=st.floats(-4, 0), output=st.floats(-3, 0), a=int8s, b=int8s, dtype=bytes_,
       approximate=st.booleans())  # fmt: skip
def test_8_bits(power, output, a, b, dtype, approximate):
    a, b, scale, step = moved(dtype, a), moved(dtype, b), f32(10**power), f32(10**output)
    real = np.vectorize(FORMS[approximate])(scale * (unary.every(dtype) - float(a)))
    doubtful = unary.near_half(real, step)
    compare("GELU", (dtype, scale, a), (dtype, step, b), "litert", doubtful,
            approximate=approximate)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(power=st.floats(-6, -2), output=st.floats(-5, -2), approximate=st.booleans())
def test_int16(power, output, approximate):
    """The C library's last bit moves an entry of the table, and what lies beside it, by one."""
    doubtful = np.ones((1, 2**16), np.bool_)
    compare("GELU", ("int16", f32(10**power), 0), ("int16", f32(10**output), 0), "litert",
            doubtful, approximate=approximate)  # fmt: skip


@pytest.mark.parametrize("approximate", [False, True])
def test_float32(approximate):
    x = np.clip(unary.numbers(), -1e30, 1e30)
    x = np.concatenate([x, np.linspace(-16, 16, 20001, dtype=np.float32)[None]], 1)
    data = build.unary("GELU", FLOAT, FLOAT, x.size, approximate=approximate)
    engines = runtimes.engines(data)
    answer = engines.pop("reference").run(x)
    for engine in engines.values():
        assert engine.run(x).tobytes() == answer.tobytes()
    expected = runtimes.builtin_ref(data)(x)
    # Where the result is next to 0, LiteRT's erfc is off by 6e-6, and its 1 + tanh by 6e-8.
    np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-6 if approximate else 1e-30)
    if not approximate:
        inner = np.abs(x) < 12
        exact = np.vectorize(FORMS[False])(x[inner].astype(np.float64))
        assert unary.ulps(answer[inner], exact, 1e-38) < 0.51


@pytest.mark.parametrize("approximate", [False, True])
def test_what_is_not_a_number_has_the_same_bytes_everywhere(approximate):
    unary.check_not_a_number("GELU", approximate=approximate)


@pytest.mark.parametrize("source", [("int16", 0.0001, 0), FLOAT])
def test_in_place(source):
    unary.check_in_place("GELU", source, source)


def test_limits_are_told():
    unary.check_refused("GELU", ("int32", 0, 0), ("int32", 0, 0), "both int8, uint8, int16")
