"""MAXIMUM and MINIMUM: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import elementwise
import runtimes

OPS = ("MAXIMUM", "MINIMUM")
QUANTIZED = ("int8", "uint8", "int16")
TYPES = (*QUANTIZED, "int32", "int64", "float32")


def seed(op: str, dtype: str) -> bytes:
    """Return a model that bounds its input by constants."""
    rng = np.random.default_rng(4)
    operands = [elementwise.drawn(rng, dtype, shape) for shape in ((3, 11), (1, 11))]
    return elementwise.model(op, operands, [(0.1, 0)] * 3 if dtype in QUANTIZED else ())


SEEDS = {f"{op} {dtype}": seed(op, dtype) for op in OPS for dtype in TYPES}


@elementwise.quick(60)
@given(
    op=st.sampled_from(OPS),
    dtype=st.sampled_from(TYPES),
    pair=elementwise.shapes(),
    seed=elementwise.seeds,
    at=st.integers(0, 1),
    rounding=st.sampled_from(("litert", "tflite-micro")),
)
def test_numbers_are_what_litert_gives(op, dtype, pair, seed, at, rounding):
    rng = np.random.default_rng(seed)
    operands = [elementwise.drawn(rng, dtype, shape) for shape in pair]
    scales = [(0.5, 0), (0.1, 0), (0.7, 0)] if dtype in QUANTIZED else []
    elementwise.check(op, operands, scales, at=at, rounding=rounding)


@pytest.mark.parametrize("op", OPS)
def test_what_is_not_a_number(op):
    """It is among constants: an input has to be finite."""
    x = np.array([2, 1, 0, -0.0, 3e38], np.float32)
    other = np.array([np.nan, -np.inf, -0.0, 0, np.inf], np.float32)
    elementwise.check(op, [x, other])
    elementwise.check(op, [other, x], at=1)


@pytest.mark.parametrize("op", OPS)
def test_xnnpack_gives_the_same(op):
    rng = np.random.default_rng(0)
    x, other = (rng.normal(size=(3, 50)).astype(np.float32) for _ in range(2))
    data = elementwise.model(op, [x, other])
    runtimes.equal(data, x, runtimes.xnnpack(data)(x), "xnnpack")


def test_bools_are_refused():
    x = np.zeros(3, np.bool_)
    elementwise.refuse("int32, int64 or float32; here it is bool, bool, bool", "MAXIMUM", [x, x])
