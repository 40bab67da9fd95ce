"""ABS: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import unary
from runtimes import equal, f32
from unary import FLOAT, compare, factors, int8s, scales

SEEDS = {
    **unary.seeds("ABS", 0.05, {"int8": (0.04, 1), "int16": (0.04, 0)}),
    "ABS int32": build.unary("ABS", ("int32", 0, 0), ("int32", 0, 0), 19),
}


@settings(max_examples=60, deadline=None)
@given(scale=scales, factor=factors, same=st.booleans(), a=int8s, b=int8s)
def test_int8(scale, factor, same, a, b):
    compare("ABS", ("int8", scale, a), ("int8", scale if same else f32(scale * factor), b))


@settings(max_examples=30, deadline=None)
@given(scale=scales, factor=factors | st.just(1))
def test_int16(scale, factor):
    compare("ABS", ("int16", scale, 0), ("int16", f32(scale * factor), 0))


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_others_are_those_of_litert(dtype):
    x = unary.numbers() if dtype == "float32" else unary.every(dtype)
    data = build.unary("ABS", (dtype, 0, 0), (dtype, 0, 0), x.size)
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_what_is_not_a_number():
    unary.check_special("ABS", {np.nan: np.nan, np.inf: np.inf, -np.inf: np.inf, -0.0: 0.0})


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_extreme_scales_run_or_are_refused(dtype):
    unary.check_extreme_scales("ABS", dtype, "litert")


@pytest.mark.parametrize("source", [("int16", 0.02, 0), FLOAT])
def test_in_place(source):
    unary.check_in_place("ABS", source, source)


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [
        (("int64", 0, 0), ("int64", 0, 0), "both int8, int16, int32 or float32"),
        (("int16", 0, 0), ("int16", 0, 0), "one scale and zero point"),
        (("int8", 1e30, 0), ("int8", 1e-30, 0), "than 2..31; here it is inf"),
    ],
)
def test_limits_are_told(source, output, message):
    unary.check_refused("ABS", source, output, message)
