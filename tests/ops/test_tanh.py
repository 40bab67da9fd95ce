"""TANH: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import trials
import unary
from micro_arithmetic import (
    exp_on_negative_values,
    fixed_point_int8,
    newton_raphson,
    saturating_left,
)
from runtimes import f32
from unary import FLOAT, bytes_, compare, compare_micro, int8s, moved, roundings, scales

OUTPUT = ("int8", 1 / 128, 0)
WIDE = ("int16", 2**-15, 0)
SEEDS = {
    **unary.seeds("TANH", 0.05, {"int8": OUTPUT[1:], "uint8": (1 / 128, 128), "int16": WIDE[1:]}),
    "TANH int16 of a power of two": build.unary("TANH", ("int16", 2**-11, 0), WIDE, 19),
}

TRIALS = {"tanh_float32": trials.unary_floats()}


@settings(max_examples=100, deadline=None)
@given(rounding=roundings, scale=scales, output=st.floats(0.002, 0.1) | st.just(1 / 128),
       a=int8s, b=int8s, dtype=bytes_)  # fmt: skip
def test_8_bits(rounding, scale, output, a, b, dtype):
    a, b = moved(dtype, a), moved(dtype, b)
    real = np.tanh(scale * (unary.every(dtype) - float(a)))
    doubtful = unary.near_half(real, f32(output)) & (np.abs(real) < 1)
    compare("TANH", (dtype, scale, a), (dtype, f32(output), b), rounding, doubtful)


@pytest.mark.parametrize("rounding", unary.ROUNDINGS)
@pytest.mark.parametrize(
    ("scale", "zero_point", "output"),
    [(0.1739, 53, (0.016, -39)), (0.0963, -36, (0.0084, 76)), (0.1679, -103, (0.016, 37))],
)
def test_rare_roundings_of_int8(rounding, scale, zero_point, output):
    """Where float32, double and the order of adding the zero point make a difference."""
    compare("TANH", ("int8", scale, zero_point), ("int8", *output), rounding)


@settings(max_examples=30, deadline=None)
@given(rounding=roundings,
       scale=st.sampled_from([2**-10, 2**-11, 2**-12, 2**-13, f32(2**-12 * 1.0005), 1e-12, 2.6])
       | st.floats(-9, 0.4).map(lambda power: 10**power))  # fmt: skip
def test_int16(rounding, scale):
    compare("TANH", ("int16", f32(scale), 0), ("int16", 2**-15, 0), rounding)


@pytest.mark.parametrize("scale", [2**-12, 2**-11, 2**-10, f32(0.0003), f32(0.01)])
def test_int16_of_tflite_micro_is_that_of_litert(scale):
    x = unary.every("int16")
    data = build.unary("TANH", ("int16", scale, 0), ("int16", 2**-15, 0), x.size)
    expected = runtimes.builtin_ref(data)(x)
    for engine in runtimes.engines(data, rounding="tflite-micro").values():
        np.testing.assert_array_equal(engine.run(x), expected)


def gemmlowp(a: int, integer_bits: int) -> int:
    """Return gemmlowp::tanh."""
    if a == 0:
        return 0
    x = newton_raphson(exp_on_negative_values(-abs(a), integer_bits + 1))
    t = saturating_left(x - (1 << 29), 2)
    return t if a > 0 else -t


micro = fixed_point_int8(gemmlowp, 7, 0)


@settings(max_examples=60, deadline=None)
@given(scale=scales | st.sampled_from([3.9, 4.0, 8.0, 100.0]).map(f32), zero_point=int8s)
def test_int8_is_that_of_tflite_micro(scale, zero_point):
    source = ("int8", scale, zero_point)
    compare_micro("TANH", source, OUTPUT, lambda x: micro(x, scale, zero_point))


def test_float32_is_rounded_nearly_rightly():
    unary.check_float_function("TANH", np.tanh, 0.0)


@pytest.mark.parametrize("rounding", ["litert", "xnnpack", "tflite-micro"])
@pytest.mark.parametrize("output", [OUTPUT, WIDE], ids=["int8", "int16"])
def test_extreme_scales_run_or_are_refused(output, rounding):
    dtype, *quantized = output
    all_refused = output is WIDE
    unary.check_extreme_scales("TANH", dtype, rounding, quantized, all_refused=all_refused)


def test_what_is_not_a_number_has_the_same_bytes_everywhere():
    unary.check_not_a_number("TANH")


@pytest.mark.parametrize(
    ("source", "output"),
    [(("int16", 0.0003, 0), WIDE), (("int16", 2**-11, 0), WIDE), (FLOAT, FLOAT)],
)
def test_in_place(source, output):
    unary.check_in_place("TANH", source, output)


@pytest.mark.parametrize(
    ("source", "output", "rounding", "message"),
    [
        (("int16", 0.1, 0), ("int16", 2**-14, 0), "litert", "output has the scale 1/32768"),
        (("int8", 0.1, 0), ("int8", 1 / 64, 0), "tflite-micro", "Micro's int8 1/128"),
    ],
)
def test_limits_are_told(source, output, rounding, message):
    unary.check_refused("TANH", source, output, message, rounding)
