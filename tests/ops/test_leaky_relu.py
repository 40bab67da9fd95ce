"""LEAKY_RELU: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import trials
import unary
from micro_arithmetic import Quantization, multiply, quantize_multiplier
from runtimes import f32
from unary import (
    FLOAT,
    bytes_,
    compare,
    compare_micro,
    factors,
    int8s,
    moved,
    roundings,
    scales,
    sixteenths,
)

SEEDS = unary.seeds(
    "LEAKY_RELU", 0.05, {"int8": (0.04, 1), "uint8": (0.04, 1), "int16": (0.04, 0)}, alpha=0.3
)


def float_trial(rng: np.random.Generator) -> trials.Trial:
    """Return a trial of the kernel of float32, with any slope: also none and a negative one."""
    alpha = np.float32(rng.choice([0.3, 0.0, -0.5, 2.0]))
    return trials.unary_floats(int(alpha.view(np.int32)))(rng)


TRIALS = {"leaky_relu_float32": float_trial}


@settings(max_examples=100, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, a=int8s, b=int8s, dtype=bytes_,
       alpha=st.floats(-300, 300) | st.floats(-0.01, 0.01) | sixteenths)  # fmt: skip
def test_8_bits(rounding, scale, factor, a, b, dtype, alpha):
    output = (dtype, f32(scale * factor), moved(dtype, b))
    compare("LEAKY_RELU", (dtype, scale, moved(dtype, a)), output, rounding, alpha=f32(alpha))


@settings(max_examples=30, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, alpha=st.floats(-3, 3) | sixteenths)
def test_int16(rounding, scale, factor, alpha):
    output = ("int16", f32(scale * factor), 0)
    compare("LEAKY_RELU", ("int16", scale, 0), output, rounding, alpha=f32(alpha))


@settings(max_examples=10, deadline=None)
@given(alpha=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float32_is_that_of_litert(alpha):
    x = unary.numbers()
    data = build.unary("LEAKY_RELU", FLOAT, FLOAT, x.size, alpha=alpha)
    expected = runtimes.builtin_ref(data)(x)
    for engine in runtimes.engines(data).values():
        assert engine.run(x).tobytes() == expected.tobytes()


def micro(
    value: int, source: Quantization, output: Quantization, limits: tuple[int, int], alpha: float
) -> int:
    """QuantizeLeakyRelu of TFLite Micro (leaky_relu_common.cc)."""
    scale, step = np.float32(source[0]), np.float32(output[0])
    real = scale / step if value >= source[1] else scale * np.float32(alpha) / step
    moved = multiply(value - source[1], *quantize_multiplier(float(real))) + output[1]
    return max(limits[0], min(limits[1], moved))


@pytest.mark.parametrize(("dtype", "step"), [("int8", 1), ("int16", 37)])
@settings(max_examples=40, deadline=None)
@given(scale=scales, factor=factors, a=int8s, b=int8s,
       alpha=st.floats(-2, 2).map(f32) | sixteenths)  # fmt: skip
def test_it_is_that_of_tflite_micro(dtype, step, scale, factor, a, b, alpha):
    (a, b), limits = (a, b) if dtype == "int8" else (0, 0), np.iinfo(dtype)
    source, output = (dtype, scale, a), (dtype, f32(scale * factor), b)
    compare_micro("LEAKY_RELU", source, output,
                  lambda x: micro(x, source[1:], output[1:], (limits.min, limits.max), alpha),
                  step, alpha=alpha)  # fmt: skip


@pytest.mark.parametrize("rounding", ["litert", "xnnpack", "tflite-micro"])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_extreme_scales_run_or_are_refused(dtype, rounding):
    unary.check_extreme_scales("LEAKY_RELU", dtype, rounding, alpha=-1e30)


def test_what_is_not_a_number_has_the_same_bytes_everywhere():
    unary.check_not_a_number("LEAKY_RELU", alpha=0.5)


@pytest.mark.parametrize(
    ("source", "output"), [(("int16", 0.02, 0), ("int16", 0.01, 0)), (FLOAT, FLOAT)]
)
def test_in_place(source, output):
    unary.check_in_place("LEAKY_RELU", source, output, alpha=-0.3)


@pytest.mark.parametrize(("alpha", "message"), [(np.inf, "finite.* inf"), (1e30, "within 2..31")])
def test_limits_are_told(alpha, message):
    quantized = ("int8", 0.1, 0)
    unary.check_refused("LEAKY_RELU", quantized, quantized, message, alpha=alpha)
