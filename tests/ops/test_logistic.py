"""LOGISTIC: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import trials
import unary
from micro_arithmetic import (
    MAX32,
    exp_on_negative_values,
    fixed_point_int8,
    newton_raphson,
    saturating_left,
)
from runtimes import f32
from unary import (
    FLOAT,
    bytes_,
    compare,
    compare_micro,
    int8s,
    moved,
    numbers,
    roundings,
    scales,
    ulps,
)

OUTPUT = ("int8", 1 / 256, -128)
WIDE = ("int16", 2**-15, 0)
SEEDS = {
    **unary.seeds("LOGISTIC", 0.05, {"int8": OUTPUT[1:], "uint8": (1 / 256, 0), "int16": WIDE[1:]}),
    "LOGISTIC int16 of a power of two": build.unary("LOGISTIC", ("int16", 2**-12, 0), WIDE, 19),
}


def float_trial(rng):
    """With the limits that LiteRT and XNNPACK have, and others."""
    below = np.float32(rng.choice([-9.0, np.finfo(np.float32).min, -1.0]))
    return trials.unary_floats(int(below.view(np.int32)))(rng)


TRIALS = {"logistic_float32": float_trial}


@settings(max_examples=100, deadline=None)
@given(rounding=roundings, scale=scales, zero_point=int8s, dtype=bytes_)
def test_8_bits(rounding, scale, zero_point, dtype):
    zero_point = moved(dtype, zero_point)
    real = f32(scale) * (unary.every(dtype) - float(zero_point))
    doubtful = unary.near_half(1 / (1 + np.exp(-np.clip(real, -80, 80))), 1 / 256)
    doubtful &= real != 0
    output = (dtype, 1 / 256, moved(dtype, -128))
    compare("LOGISTIC", (dtype, scale, zero_point), output, rounding, doubtful)


@pytest.mark.parametrize("rounding", unary.ROUNDINGS)
@pytest.mark.parametrize(
    ("scale", "zero_point"), [(0.02789, -57), (0.10165, 46), (0.02033, 113), (0.00535, -126)]
)
def test_rare_roundings_of_int8(rounding, scale, zero_point):
    """Where float32, double and the order of adding the zero point make a difference."""
    compare("LOGISTIC", ("int8", scale, zero_point), OUTPUT, rounding)


@settings(max_examples=30, deadline=None)
@given(rounding=roundings,
       scale=st.sampled_from([2**-10, 2**-11, 2**-12, 2**-13, f32(2**-12 * 1.0005), 1e-12, 2.6])
       | st.floats(-9, 0.4).map(lambda power: 10**power))  # fmt: skip
def test_int16(rounding, scale):
    compare("LOGISTIC", ("int16", f32(scale), 0), ("int16", 2**-15, 0), rounding)


@pytest.mark.parametrize("scale", [2**-12, 2**-11, 2**-10, f32(0.0003), f32(0.01)])
def test_int16_of_tflite_micro_is_that_of_litert(scale):
    x = unary.every("int16")
    data = build.unary("LOGISTIC", ("int16", scale, 0), ("int16", 2**-15, 0), x.size)
    expected = runtimes.builtin_ref(data)(x)
    for engine in runtimes.engines(data, rounding="tflite-micro").values():
        np.testing.assert_array_equal(engine.run(x), expected)


def gemmlowp(a: int, integer_bits: int) -> int:
    """Return gemmlowp::logistic."""
    if a == 0:
        return 1 << 30
    positive = saturating_left(newton_raphson(exp_on_negative_values(-abs(a), integer_bits)), 1)
    return positive if a > 0 else MAX32 - positive


micro = fixed_point_int8(gemmlowp, 8, -128)


@settings(max_examples=60, deadline=None)
@given(scale=scales | st.sampled_from([3.9, 4.0, 8.0, 100.0]).map(f32), zero_point=int8s)
def test_int8_is_that_of_tflite_micro(scale, zero_point):
    source = ("int8", scale, zero_point)
    compare_micro("LOGISTIC", source, OUTPUT, lambda x: micro(x, scale, zero_point))


def test_float32_is_rounded_nearly_rightly():
    """Below -9 LiteRT's reference kernel takes exp(x) for it."""
    unary.check_float_function(
        "LOGISTIC", lambda x: np.where(x < -9, np.exp(x), 1 / (1 + np.exp(-x))), 1e-37
    )


def test_float32_of_xnnpack_is_the_function_everywhere():
    x = numbers()
    data = build.unary("LOGISTIC", FLOAT, FLOAT, x.size)
    exact = x.astype(np.longdouble)
    with np.errstate(over="ignore"):
        exact = 1 / (1 + np.exp(-exact))
    for engine in runtimes.engines(data, rounding="xnnpack").values():
        assert ulps(engine.run(x), exact, 1e-37) < 0.501


@pytest.mark.parametrize("rounding", ["litert", "xnnpack", "tflite-micro"])
@pytest.mark.parametrize("output", [OUTPUT, WIDE], ids=["int8", "int16"])
def test_extreme_scales_run_or_are_refused(output, rounding):
    dtype, *quantized = output
    all_refused = output is WIDE
    unary.check_extreme_scales("LOGISTIC", dtype, rounding, quantized, all_refused=all_refused)


def test_what_is_not_a_number_has_the_same_bytes_everywhere():
    unary.check_not_a_number("LOGISTIC")


@pytest.mark.parametrize(
    ("source", "output"),
    [
        (("int8", 0.05, 3), OUTPUT),
        (("int16", 0.0003, 0), WIDE),
        (("int16", 2**-12, 0), WIDE),
        (FLOAT, FLOAT),
    ],
)
def test_in_place(source, output):
    unary.check_in_place("LOGISTIC", source, output)


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [
        (("int8", 0.1, 0), ("int8", 1 / 128, 0), "the output 1/256 and -128"),
        (("uint8", 0.1, 0), ("uint8", 1 / 256, 1), "1/256 and -128 .uint8: 0"),
        (("uint8", 0.1, 0), ("int8", 1 / 256, 0), "both int8, uint8, int16 or float32"),
        (("int16", 0.1, 5), WIDE, "its zero point 0; .* 5"),
        (("int16", 2.7, 0), WIDE, "from 2..-40 to 8/3"),
    ],
)
def test_limits_are_told(source, output, message):
    unary.check_refused("LOGISTIC", source, output, message)
