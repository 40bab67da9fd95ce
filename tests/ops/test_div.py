"""DIV: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import elementwise
import runtimes
from runtimes import equal, f32

QUANTIZED = ("int8", "uint8")
SCALES = ((0.05, 3), (0.1, 7), (0.04, 5))


def divisors(rng: np.random.Generator, dtype: str, shape: tuple[int, ...], zero: int = 0):
    """Return numbers that are not ``zero``."""
    numbers = elementwise.drawn(rng, dtype, shape)
    return np.where(numbers == zero, np.array(zero + (-1 if zero > 100 else 1), dtype), numbers)


def seed(dtype: str) -> bytes:
    """Return a model that divides its input by constants."""
    rng = np.random.default_rng(2)
    operands = [elementwise.drawn(rng, dtype, (3, 7)), divisors(rng, dtype, (1, 7), 7)]
    scales = SCALES if dtype in QUANTIZED else ()
    return elementwise.model("DIV", operands, scales, fusedActivationFunction=1)


SEEDS = {f"DIV {dtype}": seed(dtype) for dtype in ("float32", "int32", *QUANTIZED)}


@elementwise.quick(100)
@given(
    dtype=st.sampled_from(QUANTIZED),
    pair=elementwise.shapes(),
    seed=elementwise.seeds,
    powers=st.tuples(*[st.floats(-3, 2)] * 2),
    factor=st.floats(-25.9, 22.9),
    activation=st.integers(0, 3),
    at=st.integers(0, 1),
    rounding=st.sampled_from(("litert", "xnnpack", "tflite-micro")),
)
def test_quantized_numbers_are_what_litert_gives(
    dtype, pair, seed, powers, factor, activation, at, rounding
):
    rng = np.random.default_rng(seed)
    a, b = (f32(10**power) for power in powers)
    quantized = [
        (scale, elementwise.zero_point(rng, dtype)) for scale in (a, b, f32(a / b / 2**factor))
    ]
    operands = [
        elementwise.drawn(rng, dtype, pair[0]),
        divisors(rng, dtype, pair[1], quantized[1][1]),
    ]
    # LiteRT has no activations of tiny scales.
    activation = activation if quantized[2][0] > 1e-6 else 0
    kinds = {"at": at, "rounding": rounding, "fusedActivationFunction": activation}
    elementwise.check("DIV", operands, quantized, **kinds)


@elementwise.quick(40)
@given(
    dtype=st.sampled_from(("int32", "float32")),
    pair=elementwise.shapes(),
    seed=elementwise.seeds,
    activation=st.integers(0, 3),
    at=st.integers(0, 1),
)
def test_other_types_have_the_bytes_of_litert(dtype, pair, seed, activation, at):
    rng = np.random.default_rng(seed)
    operands = [elementwise.drawn(rng, dtype, pair[0]), divisors(rng, dtype, pair[1])]
    elementwise.check("DIV", operands, at=at, fusedActivationFunction=activation)


@pytest.mark.parametrize("activation", range(4))
def test_floats_that_are_divided_by_zero(activation):
    x = np.array([1, -1, 3e38, -3e38, 0], np.float32)
    other = np.array([0, 0, 1e-10, 1e-10, np.inf], np.float32)
    elementwise.check("DIV", [x, other], fusedActivationFunction=activation)


def test_floats_have_the_bytes_of_xnnpack():
    rng = np.random.default_rng(0)
    x, other = (rng.normal(size=(3, 50)).astype(np.float32) for _ in range(2))
    data = elementwise.model("DIV", [x, other])
    equal(data, x, runtimes.xnnpack(data)(x), "xnnpack")


def test_integers_that_are_divided_by_zero():
    """LiteRT refuses to."""
    x = np.array([-(2**31), -1, 0, 5], np.int32)
    equal(elementwise.model("DIV", [x, 0 * x]), x, 0 * x)
    x = np.array([-128, 2, 3, 4, 127], np.int8)
    data = elementwise.model("DIV", [x, np.full_like(x, 7)], SCALES)
    equal(data, x, np.array([-128, -128, 127, 127, 127], np.int8))


def test_the_least_number_is_divided_by_minus_one():
    x = np.array([-(2**31), 2**31 - 1], np.int32)
    elementwise.check("DIV", [x, np.array([-1, -1], np.int32)])


def test_limits_are_told():
    x = np.zeros(3, np.int8)
    for scale in 1e-9, 1e9:
        scales = ((scale, 0), (1.0, 0), (1.0, 0))
        elementwise.refuse(r"from 2\*\*-26 to 2\*\*23", "DIV", [x, x], scales)
    elementwise.refuse("or RELU6; here it is 4", "DIV", [x, x], SCALES, fusedActivationFunction=4)
    y = np.zeros(3, np.int16)
    elementwise.refuse("int32 or float32; here it is int16", "DIV", [y, y])
