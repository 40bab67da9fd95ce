"""HARD_SWISH: every engine against LiteRT."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import build
import runtimes
import unary
from runtimes import equal, f32
from unary import FLOAT, bytes_, compare, int8s, moved

SEEDS = unary.seeds("HARD_SWISH", 0.05, {"int8": (0.04, 1), "uint8": (0.04, 1)})


@settings(max_examples=150, deadline=None)
@given(power=st.floats(-5, 2), ratio=st.floats(-8.9, 6.9), a=int8s, b=int8s, dtype=bytes_)
def test_8_bits(power, ratio, a, b, dtype):
    scale = f32(10**power)
    output = f32(scale / 2**ratio)
    assume(scale / output < 127)
    compare("HARD_SWISH", (dtype, scale, moved(dtype, a)), (dtype, output, moved(dtype, b)))


@pytest.mark.parametrize("scale", [2.0**-22, 1e-6, 1000.0, 32767.0])
def test_the_ends_of_the_scales(scale):
    for output in (scale * 500, scale, scale / 100):
        compare("HARD_SWISH", ("int8", f32(scale), 3), ("int8", f32(output), -5))


def test_float32_has_the_bytes_of_litert():
    x = unary.numbers()
    data = build.unary("HARD_SWISH", FLOAT, FLOAT, x.size)
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_what_is_not_a_number_has_the_same_bytes_everywhere():
    unary.check_not_a_number("HARD_SWISH")


def test_in_place():
    unary.check_in_place("HARD_SWISH", FLOAT, FLOAT)


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [
        (("int16", 0.1, 0), ("int16", 0.1, 0), "both int8, uint8 or float32"),
        (("int8", 1.0, 0), ("int8", 0.001, 0), "in .2..-9, 2..7."),
        (("int8", 1e9, 0), ("int8", 1e9, 0), "in .2..-22, 2..15."),
    ],
)
def test_limits_are_told(source, output, message):
    unary.check_refused("HARD_SWISH", source, output, message)
