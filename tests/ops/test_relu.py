"""RELU, RELU6 and RELU_N1_TO_1: every engine against LiteRT, XNNPACK and TFLite Micro."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import build
import runtimes
import unary
from micro_arithmetic import Quantization, cround, requantize
from runtimes import f32
from unary import FLOAT, bytes_, compare, compare_micro, factors, int8s, moved, roundings, scales

OPS = ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
OUTPUTS = {"int8": (0.04, 1), "uint8": (0.04, 1), "int16": (0.04, 0)}
SEEDS = {
    **unary.seeds("RELU", 0.05, OUTPUTS),
    **unary.seeds("RELU6", 0.05, OUTPUTS),
    **unary.seeds("RELU_N1_TO_1", 0.05, {"int8": (0.04, 1)}),
    **unary.seeds("RELU_0_TO_1", 0.05, {"int8": (0.04, 1)}),
}


@settings(max_examples=100, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, same=st.booleans(), a=int8s, b=int8s,
       op=st.sampled_from(OPS), dtype=bytes_)  # fmt: skip
def test_8_bits(rounding, scale, factor, same, a, b, op, dtype):
    a, b = moved(dtype, a), moved(dtype, b)
    output = (dtype, scale, a) if same else (dtype, f32(scale * factor), b)
    compare(op, (dtype, scale, a), output, rounding)


@settings(max_examples=30, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, op=st.sampled_from(["RELU", "RELU6"]))
def test_int16(rounding, scale, factor, op):
    compare(op, ("int16", scale, 0), ("int16", f32(scale * factor), 0), rounding)


@pytest.mark.parametrize("op", OPS)
def test_float32_is_that_of_litert(op):
    x = unary.numbers()
    data = build.unary(op, FLOAT, FLOAT, x.size)
    expected = runtimes.builtin_ref(data)(x)
    for engine in runtimes.engines(data).values():
        np.testing.assert_array_equal(engine.run(x), expected)


def relu(value: int, source: Quantization, output: Quantization, limits: tuple[int, int]) -> int:
    """ReluQuantized of TFLite Micro (activations.cc)."""
    return max(output[1], requantize(value, source, output, limits))


def relu6(value: int, source: Quantization, limits: tuple[int, int]) -> int:
    """Relu6Quantized of TFLite Micro: the output's quantisation is not looked at."""
    six = cround(float(np.float32(6) / np.float32(source[0]))) + source[1]
    six = max(limits[0], min(limits[1], six))
    return six if value > six else max(source[1], value)


CASES = [("int8", 1), ("int16", 37)]


@pytest.mark.parametrize(("dtype", "step"), CASES)
@settings(max_examples=40, deadline=None)
@given(scale=scales, factor=factors, a=int8s, b=int8s)
# The ratio of the scales in float32 instead of double makes a difference.
@example(scale=f32(0.028), factor=0.032 / 0.028, a=0, b=0)
@example(scale=f32(0.084), factor=0.096 / 0.084, a=0, b=0)
def test_relu_is_that_of_tflite_micro(dtype, step, scale, factor, a, b):
    (a, b), limits = (a, b) if dtype == "int8" else (0, 0), np.iinfo(dtype)
    source, output = (dtype, scale, a), (dtype, f32(scale * factor), b)
    compare_micro("RELU", source, output,
                  lambda x: relu(x, source[1:], output[1:], (limits.min, limits.max)),
                  step)  # fmt: skip


@pytest.mark.parametrize(("dtype", "step"), CASES)
@settings(max_examples=40, deadline=None)
@given(scale=scales, zero_point=int8s)
def test_relu6_is_that_of_tflite_micro(dtype, step, scale, zero_point):
    quantized = (dtype, scale, zero_point if dtype == "int8" else 0)
    limits = np.iinfo(dtype)
    compare_micro("RELU6", quantized, quantized,
                  lambda x: relu6(x, quantized[1:], (limits.min, limits.max)),
                  step)  # fmt: skip


@pytest.mark.parametrize("rounding", ["litert", "xnnpack", "tflite-micro"])
@pytest.mark.parametrize("op", ["RELU", "RELU6"])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_extreme_scales_run_or_are_refused(dtype, op, rounding):
    unary.check_extreme_scales(op, dtype, rounding)


def test_what_is_not_a_number_has_the_same_bytes_everywhere():
    unary.check_not_a_number("RELU6")


@pytest.mark.parametrize(
    ("source", "output"), [(("int16", 0.02, 0), ("int16", 0.01, 0)), (FLOAT, FLOAT)]
)
def test_in_place(source, output):
    unary.check_in_place("RELU", source, output)


@pytest.mark.parametrize(
    ("op", "source", "output", "rounding", "message"),
    [
        ("RELU", ("int16", 0.1, 1), ("int16", 0.1, 0), "litert", "int16 the zero point 0"),
        ("RELU", ("uint8", 0.1, 1), ("int8", 0.1, 0), "litert", "here it is uint8, int8"),
        (
            "RELU_N1_TO_1",
            ("int16", 0.1, 0),
            ("int16", 0.1, 0),
            "litert",
            "here it is int16, int16",
        ),
        (
            "RELU6",
            ("int8", 0.1, 0),
            ("int8", 0.2, 0),
            "tflite-micro",
            "quantised as its input is",
        ),
        ("RELU", ("int8", 1e30, 0), ("int8", 1e-30, 0), "litert", "than 2..31; here it is inf"),
    ],
)
def test_limits_are_told(op, source, output, rounding, message):
    unary.check_refused(op, source, output, message, rounding)
