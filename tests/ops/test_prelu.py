"""PRELU: every engine against LiteRT and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import binary
import elementwise
import runtimes
from micro_arithmetic import int32, multiply, quantize_multiplier
from runtimes import drawn, equal, f32
from trials import Trial, float32s

QUANTIZED = ("int8", "uint8")
SCALES = ((0.05, 0), (0.01, 0), (0.04, 0))


def seed(dtype: str) -> bytes:
    """Return a model with a slope for each channel."""
    rng = np.random.default_rng(2)
    x, alpha = drawn(rng, dtype, (1, 4, 3, 5)), drawn(rng, dtype, (1, 1, 5))
    return elementwise.model("PRELU", [x, alpha], SCALES if dtype in QUANTIZED else ())


SEEDS = {f"PRELU {dtype}": seed(dtype) for dtype in ("float32", *QUANTIZED)}


def float_trial(rng: np.random.Generator) -> Trial:
    """Return a trial of the kernel of float32."""
    kind = int(rng.integers(8))
    tensors, elements = binary.operands(rng, lambda count: float32s(rng, count, kind))
    return Trial([elements], tensors, [2], [4 * elements])


TRIALS = {"prelu_float32": float_trial}


@st.composite
def shapes(draw: st.DrawFn) -> list[tuple[int, ...]]:
    """A shape, and one that is broadcast to it."""
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    hidden = draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    alpha = [1 if hide else size for size, hide in zip(shape, hidden, strict=True)]
    return [tuple(shape), tuple(alpha[draw(st.integers(0, len(shape))) :])]


@elementwise.quick(80)
@given(
    dtype=st.sampled_from(QUANTIZED),
    pair=shapes(),
    seed=elementwise.seeds,
    powers=st.tuples(*[st.floats(-4, 2)] * 3),
    rounding=st.sampled_from(("litert", "xnnpack")),
)
def test_integers_are_what_litert_gives(dtype, pair, seed, powers, rounding):
    rng = np.random.default_rng(seed)
    quantized = [(f32(10**power), elementwise.zero_point(rng, dtype)) for power in powers]
    operands = [drawn(rng, dtype, shape) for shape in pair]
    elementwise.check("PRELU", operands, quantized, rounding=rounding)


@elementwise.quick(20)
@given(pair=shapes(), seed=elementwise.seeds)
def test_floats_have_the_bytes_of_litert(pair, seed):
    rng = np.random.default_rng(seed)
    elementwise.check("PRELU", [elementwise.drawn(rng, "float32", shape) for shape in pair])


def test_floats_have_the_bytes_of_xnnpack():
    rng = np.random.default_rng(0)
    x, alpha = drawn(rng, "float32", (1, 5, 7, 8)), drawn(rng, "float32", (1, 1, 8))
    data = elementwise.model("PRELU", [x, alpha])
    equal(data, x, runtimes.xnnpack(data)(x), "xnnpack")


def test_a_float_that_is_not_a_number():
    x = np.array([-2, 2, -0.0, 0, -1], np.float32)
    elementwise.check("PRELU", [x, np.array([np.inf, np.inf, np.inf, 1, np.nan], np.float32)])


def test_rounding_twice_is_what_tflite_micro_calculates():
    rng = np.random.default_rng(0)
    x, alpha = drawn(rng, "int8", (4000,)), drawn(rng, "int8", (4000,))
    scales, offsets = tuple(map(f32, (0.072, 0.0057, 0.031))), (-3, 11, 5)
    factors = scales[0] / scales[2], scales[0] * scales[1] / scales[2]
    positive, negative = map(quantize_multiplier, factors)
    expected = []
    for one, slope in zip((x.astype(int) - offsets[0]).tolist(), alpha.tolist(), strict=True):
        product = one if one >= 0 else one * (slope - offsets[1])
        scaled = multiply(product, *(positive if one >= 0 else negative))
        expected.append(min(127, max(-128, int32(scaled + offsets[2]))))
    data = elementwise.model("PRELU", [x, alpha], list(zip(scales, offsets, strict=True)))
    equal(data, x, np.array(expected, np.int8), "tflite-micro")


@pytest.mark.parametrize(
    ("shape", "quantized", "message"),
    [
        ((2, 3), SCALES, r"is broadcast to the first, .*; here it is int8 \[2, 3\] to int8 \[3\]"),
        ((3,), (), "one scale and zero point"),
        ((3,), ((1e9, 0), (3.0, 0), (0.5, 0)), r"less than 2\*\*30"),
    ],
)
def test_limits_are_told(shape, quantized, message):
    operands = [np.zeros(3, np.int8), np.zeros(shape, np.int8)]
    elementwise.refuse(message, "PRELU", operands, quantized)
