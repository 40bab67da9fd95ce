"""Elementwise ops with rounding="tflite-micro": every value, against Micro in plain Python."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import runtimes
import tflite_micro_unary as unary


def f32(value):
    return float(np.float32(value))


def compare(op, given_type, made_type, kernel, step=1, **options):
    """Compare all engines with ``kernel`` of a number, over every ``step``-th value."""
    limits = np.iinfo(given_type[0])
    x = np.arange(limits.min, limits.max + 1, step).astype(given_type[0])[None]
    expected = [kernel(value) for value in x[0].tolist()]
    data = runtimes.unary(op, given_type, made_type, x.size, **options)
    for name, engine in runtimes.engines(data, rounding="tflite-micro").items():
        np.testing.assert_array_equal(engine.run(x)[0], expected, err_msg=name)


scales = st.floats(-4, 1).map(lambda power: f32(10**power))
factors = st.floats(-7, 7).map(lambda power: 2**power) | st.integers(1, 24).map(lambda n: n / 8)
alphas = st.floats(-2, 2).map(f32) | st.integers(-40, 40).map(lambda n: n / 16)
int8s = st.integers(-128, 127)


@settings(max_examples=60, deadline=None)
@given(scale=scales | st.sampled_from([3.9, 4.0, 8.0, 100.0]).map(f32), zero_point=int8s)
def test_logistic_of_int8(scale, zero_point):
    compare("LOGISTIC", ("int8", scale, zero_point), ("int8", 1 / 256, -128),
            lambda x: unary.logistic_int8(x, scale, zero_point))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(scale=scales | st.sampled_from([3.9, 4.0, 8.0, 100.0]).map(f32), zero_point=int8s)
def test_tanh_of_int8(scale, zero_point):
    compare("TANH", ("int8", scale, zero_point), ("int8", 1 / 128, 0),
            lambda x: unary.tanh_int8(x, scale, zero_point))  # fmt: skip


CASES = [("int8", 1), ("int16", 37)]


@pytest.mark.parametrize(("dtype", "step"), CASES)
@settings(max_examples=40, deadline=None)
@given(scale=scales, factor=factors, a=int8s, b=int8s)
# The ratio of the scales in float32 instead of double makes a difference.
@example(scale=f32(0.028), factor=0.032 / 0.028, a=0, b=0)
@example(scale=f32(0.084), factor=0.096 / 0.084, a=0, b=0)
def test_relu(dtype, step, scale, factor, a, b):
    (a, b), limits = (a, b) if dtype == "int8" else (0, 0), np.iinfo(dtype)
    given_type, made = (dtype, scale, a), (dtype, f32(scale * factor), b)
    compare("RELU", given_type, made,
            lambda x: unary.relu(x, given_type[1:], made[1:], (limits.min, limits.max)),
            step)  # fmt: skip


@pytest.mark.parametrize(("dtype", "step"), CASES)
@settings(max_examples=40, deadline=None)
@given(scale=scales, zero_point=int8s)
def test_relu6(dtype, step, scale, zero_point):
    quantized = (dtype, scale, zero_point if dtype == "int8" else 0)
    limits = np.iinfo(dtype)
    compare("RELU6", quantized, quantized,
            lambda x: unary.relu6(x, quantized[1:], (limits.min, limits.max)),
            step)  # fmt: skip


@pytest.mark.parametrize(("dtype", "step"), CASES)
@settings(max_examples=40, deadline=None)
@given(scale=scales, factor=factors, a=int8s, b=int8s, alpha=alphas)
def test_leaky_relu(dtype, step, scale, factor, a, b, alpha):
    (a, b), limits = (a, b) if dtype == "int8" else (0, 0), np.iinfo(dtype)
    given_type, made = (dtype, scale, a), (dtype, f32(scale * factor), b)
    compare("LEAKY_RELU", given_type, made,
            lambda x: unary.leaky_relu(
                x, given_type[1:], made[1:], (limits.min, limits.max), alpha),
            step, alpha=alpha)  # fmt: skip


PAIRS = [("int8", "int8", 1), ("int8", "uint8", 1), ("uint8", "int8", 1), ("int8", "int16", 1),
         ("int16", "int8", 37), ("int16", "int16", 37)]  # fmt: skip


@pytest.mark.parametrize(("given_type", "made_type", "step"), PAIRS)
@settings(max_examples=40, deadline=None)
@given(scale=scales, factor=factors, a=int8s, b=int8s)
def test_requantised(given_type, made_type, step, scale, factor, a, b):
    a = {"int8": a, "uint8": a + 128, "int16": 0}[given_type]
    b = {"int8": b, "uint8": b + 128, "int16": 0}[made_type]
    source, made, limits = (scale, a), (f32(scale * factor), b), np.iinfo(made_type)
    compare("QUANTIZE", (given_type, *source), (made_type, *made),
            lambda x: unary.requantize(x, source, made, (limits.min, limits.max)),
            step)  # fmt: skip


@pytest.mark.parametrize("op", ["LOGISTIC", "TANH"])
@pytest.mark.parametrize("scale", [2**-12, 2**-11, 2**-10, f32(0.0003), f32(0.01)])
def test_sigmoids_of_int16_are_those_of_litert(op, scale):
    x = np.arange(-(2**15), 2**15).astype(np.int16)[None]
    data = runtimes.unary(op, ("int16", scale, 0), ("int16", 2**-15, 0), x.size)
    expected = runtimes.builtin_ref(data)(x)
    for engine in runtimes.engines(data, rounding="tflite-micro").values():
        np.testing.assert_array_equal(engine.run(x), expected)
