"""L2_NORMALIZATION: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from runtimes import drawn, equal

OUTPUTS = {"float32": (), "int8": (1 / 128, 0), "uint8": (1 / 128, 128)}


def normalized(dtype, shape, zero_point=3, output=None, activation=0):
    source = (0.05, zero_point) if dtype != "float32" else ()
    target = OUTPUTS.get(dtype, source) if output is None else output
    tensors = [build.tensor(shape, dtype, *source), build.tensor(shape, dtype, *target)]
    options = {"fusedActivationFunction": activation}
    return build.model(tensors, [("L2_NORMALIZATION", [0], 1, options)])


SEEDS = {f"L2_NORMALIZATION {dtype}": normalized(dtype, (3, 19)) for dtype in OUTPUTS}


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(("int8", "uint8")),
    shape=st.lists(st.integers(1, 4), max_size=3),
    depth=st.integers(1, 40) | st.integers(1000, 20000),
    zero_point=st.integers(-128, 127) | st.sampled_from((-128, 0, 127)),
    spread=st.integers(0, 255),
    rounding=st.sampled_from(("litert", "tflite-micro")),
)
def test_integers_are_what_litert_gives(seed, dtype, shape, depth, zero_point, spread, rounding):
    limits, zero_point = np.iinfo(dtype), zero_point + (128 if dtype == "uint8" else 0)
    data = normalized(dtype, (*shape, depth), zero_point)
    rng = np.random.default_rng(seed)
    numbers = zero_point + rng.integers(-spread, spread + 1, (*shape, depth))
    x = np.clip(numbers, limits.min, limits.max).astype(dtype)
    equal(data, x, runtimes.builtin_ref(data)(x), rounding)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_every_small_sum_of_squares_is_what_litert_gives(dtype):
    """Rows of zeros, of one step, of sums whose shift is 0 or below."""
    steps = np.array([(a, b) for a in range(13) for b in range(a + 1)])
    x = (steps + (128 if dtype == "uint8" else 0)).astype(dtype)
    data = normalized(dtype, x.shape, 128 if dtype == "uint8" else 0)
    equal(data, x, runtimes.builtin_ref(data)(x))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.lists(st.integers(1, 4), max_size=3),
    depth=st.integers(1, 300),
    power=st.integers(-40, 38),
)
def test_floats_are_what_litert_gives(seed, shape, depth, power):
    data = normalized("float32", (*shape, depth))
    x = drawn(np.random.default_rng(seed), "float32", (*shape, depth)) / 32
    x = (x * np.float64(10) ** power).astype(np.float32)
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_the_root_of_any_float_is_rounded_correctly():
    """A row of one number: every exponent, and random significands."""
    rng = np.random.default_rng(6)
    bits = rng.integers(0, 0x7F800000, 20_000, dtype=np.uint32)
    x = np.sqrt(bits.view(np.float32))[:, None]
    data = normalized("float32", x.shape)
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize(
    ("dtype", "kinds", "message"),
    [
        ("int16", {}, "both int8, uint8 or float32; here it is int16, int16"),
        ("int8", {"activation": 1}, "there is no fused activation; here it is 1"),
        ("int8", {"output": (1 / 64, 0)}, "have the scale 1/128"),
        ("uint8", {"output": (1 / 128, 0)}, "in uint8 128; here it is (0.0078125, 0)"),
        ("int8", {"shape": (1, 40_000)}, "at most 32,768 of 8 bits"),
    ],
)
def test_limits_are_told(dtype, kinds, message):
    assert message in runtimes.refused(normalized(dtype, **{"shape": (2, 3), **kinds}))
