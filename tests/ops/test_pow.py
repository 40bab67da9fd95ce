"""POW: every engine against LiteRT."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import elementwise
import runtimes
from runtimes import equal


def seed(dtype: str) -> bytes:
    """Return a model of powers of its input."""
    x = np.zeros((3, 5), dtype)
    return elementwise.model("POW", [x, np.array([[0, 1, 2, 3, -1]], dtype)])


SEEDS = {
    **{f"POW {dtype}": seed(dtype) for dtype in ("float32", "int32")},
    "POW square root": elementwise.model(
        "POW", [np.zeros((2, 3), np.float32), np.array([[0.5]], np.float32)]
    ),
}


def close(operands, at=0):
    """Require floats within one unit in the last place of LiteRT's, the same of all engines."""
    data = elementwise.model("POW", operands, at=at)
    x = operands[at]
    expected = runtimes.builtin_ref(data)(x)
    engines = runtimes.engines(data)
    answer = engines.pop("reference").run(x)
    np.testing.assert_array_max_ulp(answer, expected)
    for engine in engines.values():
        assert engine.run(x).tobytes() == answer.tobytes()


@elementwise.quick(30)
@given(pair=elementwise.shapes(), seed=elementwise.seeds, at=st.integers(0, 1))
def test_floats_are_within_a_unit_of_litert(pair, seed, at):
    rng = np.random.default_rng(seed)
    base = np.abs(rng.normal(size=pair[0]) * 10 ** rng.uniform(-3, 3)).astype(np.float32)
    exponent = (rng.normal(size=pair[1]) * 4).astype(np.float32)
    close([base, exponent], at if exponent.ndim else 0)


def test_floats_of_every_size():
    rng = np.random.default_rng(0)
    base = (10 ** rng.uniform(-44, 38, 50000)).astype(np.float32)
    most = np.abs(np.log2(np.maximum(base, 1e-38).astype(np.float64)))
    exponent = (rng.uniform(-150, 130, 50000) / np.maximum(most, 0.01)).astype(np.float32)
    near = (1 + rng.normal(size=50000) * 1e-6).astype(np.float32)
    close([base, exponent])
    close([near, (rng.normal(size=50000) * 1e7).astype(np.float32)])


def test_powers_of_a_single_exponent():
    x = np.array([-3.5, -2, -1, -0.0, 0, 0.25, 1, 9, 1e30], np.float32)
    for exponent in (0, 1, 2, 3, 4, -1, -2, -3, 0.5, -0.5, 1.5):
        negative = x if exponent % 1 == 0 else np.abs(x)
        close([negative, np.array([exponent], np.float32)])


def test_special_numbers():
    """Whatever is not finite stands among constants, where NaN has one pattern of bits."""
    numbers = [0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, 1e38, -1e38, 1e-45, 16777216, 16777217]
    special = [*numbers, np.inf, -np.inf]
    base = np.repeat(numbers, len(special)).astype(np.float32)
    exponent = np.tile(special, len(numbers)).astype(np.float32)
    for operands, at in (([base, exponent], 0), ([exponent, base], 1)):
        close(operands, at)
        data = elementwise.model("POW", operands, at=at)
        answer = runtimes.engines(data)["reference"].run(operands[at])
        nan = answer[np.isnan(answer)]
        assert nan.size
        assert (nan.view(np.uint32) == 0x7FC00000).all()


@elementwise.quick(30)
@given(
    pair=elementwise.shapes(),
    seed=elementwise.seeds,
    exponent=st.integers(0, 40),
    at=st.integers(0, 1),
)
def test_int32_is_what_litert_gives(pair, seed, exponent, at):
    rng = np.random.default_rng(seed)
    small = rng.integers(-8, 9, pair[0]).astype(np.int32)
    few = rng.integers(0, 11, pair[1]).astype(np.int32)
    elementwise.check("POW", [small, few], at=at)
    # A single exponent of any number, whose power wraps.
    any_ = elementwise.drawn(rng, "int32", (2, *pair[0]))
    elementwise.check("POW", [any_, np.array([exponent], np.int32)])


def test_int32_of_negative_exponents():
    """LiteRT refuses to run them."""
    x = np.array([1, -1, -1, 0, 2, -7], np.int32)
    exponent = np.array([-1, -1, -2, -1, -1, -(2**31)], np.int32)
    equal(elementwise.model("POW", [x, exponent]), x, np.array([1, -1, 1, 0, 0, 0], np.int32))


def test_limits_are_told():
    x = np.zeros(3, np.int8)
    elementwise.refuse("int32 or float32; here it is int8", "POW", [x, x])
