"""SQUARED_DIFFERENCE: every engine against LiteRT."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import elementwise
from runtimes import drawn, f32

TYPES = ("float32", "int8", "int32")
SCALES = ((0.05, 3), (0.04, -3), (0.2, -128))


def seed(dtype: str) -> bytes:
    """Return a model of distances from constants."""
    rng = np.random.default_rng(2)
    operands = [drawn(rng, dtype, shape) for shape in ((3, 7), (1, 7))]
    return elementwise.model("SQUARED_DIFFERENCE", operands, SCALES if dtype == "int8" else ())


SEEDS = {f"SQUARED_DIFFERENCE {dtype}": seed(dtype) for dtype in TYPES}


@elementwise.quick(60)
@given(
    pair=elementwise.shapes(),
    seed=elementwise.seeds,
    powers=st.tuples(*[st.floats(-4, 2)] * 2),
    ratio=st.floats(-11.9, 10),
    at=st.integers(0, 1),
    rounding=st.sampled_from(("litert", "xnnpack", "tflite-micro")),
)
def test_int8_is_what_litert_gives(pair, seed, powers, ratio, at, rounding):
    rng = np.random.default_rng(seed)
    scales = [f32(10**power) for power in powers]
    scales.append(f32(max(scales) ** 2 * 2**ratio))
    quantized = [(scale, elementwise.zero_point(rng, "int8")) for scale in scales]
    operands = [drawn(rng, "int8", shape) for shape in pair]
    elementwise.check("SQUARED_DIFFERENCE", operands, quantized, at=at, rounding=rounding)


@elementwise.quick(40)
@given(
    dtype=st.sampled_from(("int32", "float32")),
    pair=elementwise.shapes(),
    seed=elementwise.seeds,
    at=st.integers(0, 1),
)
def test_other_types_have_the_bytes_of_litert(dtype, pair, seed, at):
    rng = np.random.default_rng(seed)
    operands = [elementwise.drawn(rng, dtype, shape) for shape in pair]
    elementwise.check("SQUARED_DIFFERENCE", operands, at=at)


def test_limits_are_told():
    x = np.zeros(3, np.int8)
    scales = ((1.0, 0), (0.5, 0), (2.0**-12, 0))
    elementwise.refuse(r"more than 2\*\*-12 of the square", "SQUARED_DIFFERENCE", [x, x], scales)
    y = np.zeros(3, np.uint8)
    elementwise.refuse("int8, int32 or float32; here it is uint8", "SQUARED_DIFFERENCE", [y, y])
