"""FLOOR_DIV and FLOOR_MOD: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import elementwise
from runtimes import equal

OPS = {
    "FLOOR_DIV": ("int8", "int16", "int32", "float32"),
    "FLOOR_MOD": ("int8", "int16", "int32", "int64", "float32"),
}
CASES = [(op, dtype) for op, types in OPS.items() for dtype in types]


def divisors(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]):
    """Return numbers that are not 0; integers are not -1 either, where processors may trap."""
    numbers = elementwise.drawn(rng, dtype, shape)
    numbers = np.where(numbers == 0, np.array(3, dtype), numbers)
    return numbers if dtype == "float32" else np.where(numbers == -1, np.array(-7, dtype), numbers)


def seed(op: str, dtype: str) -> bytes:
    """Return a model that divides its input by constants."""
    rng = np.random.default_rng(2)
    operands = [elementwise.drawn(rng, dtype, (3, 7)), divisors(rng, dtype, (1, 7))]
    return elementwise.model(op, operands, [(0.1, 0)] * 3 if dtype in ("int8", "int16") else ())


SEEDS = {f"{op} {dtype}": seed(op, dtype) for op, dtype in CASES}


@elementwise.quick(100)
@given(
    case=st.sampled_from(CASES),
    pair=elementwise.shapes(),
    seed=elementwise.seeds,
    at=st.integers(0, 1),
)
def test_numbers_are_what_litert_gives(case, pair, seed, at):
    rng = np.random.default_rng(seed)
    op, dtype = case
    operands = [elementwise.drawn(rng, dtype, pair[0]), divisors(rng, dtype, pair[1])]
    elementwise.check(op, operands, at=at)


@pytest.mark.parametrize("op", OPS)
def test_floats_of_every_size(op):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, (2, 20000), np.uint32)
    bits[1, :5000] = bits[0, :5000] + rng.integers(-(2**24), 2**24, 5000).astype(np.uint32)
    x, other = bits.view(np.float32)
    finite = np.isfinite(x) & np.isfinite(other) & (other != 0)
    elementwise.check(op, [x[finite], other[finite]])


@pytest.mark.parametrize("op", OPS)
def test_floats_that_are_almost_whole_multiples(op):
    rng = np.random.default_rng(0)
    other = rng.uniform(0.1, 10, 20000).astype(np.float32)
    times = rng.integers(1, 2**25, 20000) >> rng.integers(0, 25, 20000)
    x = (other * times).astype(np.float32)
    for _ in range(2):
        x = np.nextafter(x, np.float32(rng.choice([-np.inf, np.inf])))
        elementwise.check(op, [x, other])
        elementwise.check(op, [x, -other])


@pytest.mark.parametrize("op", OPS)
def test_floats_that_are_divided_by_infinity(op):
    x = np.array([1, -1, 0, -0.0, 3e38], np.float32)
    elementwise.check(op, [x, np.array([np.inf, np.inf, -np.inf, np.inf, -np.inf], np.float32)])


def test_what_is_not_a_number_is_the_positive_one():
    x = np.array([1, -1, 0, 2], np.float32)
    other = np.array([0, -0.0, 0, np.nan], np.float32)
    nan = np.full(4, np.nan, np.float32)
    equal(elementwise.model("FLOOR_MOD", [x, other]), x, nan)
    expected = np.array([np.inf, np.inf, np.nan, np.nan], np.float32)
    equal(elementwise.model("FLOOR_DIV", [x, other]), x, expected)


@pytest.mark.parametrize(("op", "dtype"), [case for case in CASES if case[1] != "float32"])
def test_integers_that_are_divided_by_zero_or_minus_one(op, dtype):
    """LiteRT refuses 0, and may trap at -1."""
    least = np.iinfo(dtype).min
    x = np.array([least, least, 5, 5, 0], dtype)
    other = np.array([0, -1, 0, -1, -1], dtype)
    expected = [0, least, 0, -5, 0] if op == "FLOOR_DIV" else [0] * 5
    equal(elementwise.model(op, [x, other]), x, np.array(expected, dtype))


def test_limits_are_told():
    x = np.zeros(3, np.int64)
    elementwise.refuse("for FLOOR_MOD, int64; here it is int64", "FLOOR_DIV", [x, x])
