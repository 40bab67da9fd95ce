"""Exact functions of one number, and SIN and COS: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import unary
from edge_runtime.ops.unary import TYPES
from runtimes import equal
from unary import FLOAT

EXACT = sorted(TYPES.keys() - {"SIN", "COS"})
CASES = [(op, dtype) for op in EXACT for dtype in TYPES[op]]
WITHOUT_REFERENCE = ("CEIL", "ROUND")
"""LiteRT's reference kernels do not have these; its others do."""


def plain(op, dtype, count=19):
    return build.unary(op, *[(dtype, 0.1 if dtype in ("int8", "int16") else 0, 0)] * 2, count)


SEEDS = {f"{op} {dtype}": plain(op, dtype) for op, types in TYPES.items() for dtype in types}


def peer(op):
    return runtimes.builtin if op in WITHOUT_REFERENCE else runtimes.builtin_ref


def values(dtype):
    """Every size and sign of a type."""
    if dtype == "float32":
        near = np.arange(-40, 40) / np.float32(4)
        large = np.float32(2) ** np.arange(20, 33) + np.float32(0.5)
        special = [0.0, -0.0, 0.49999997, -0.49999997, 8388607.5]
        rest = np.concatenate([near, large, -large, special]).astype(np.float32)[None]
        return np.concatenate([unary.numbers(), rest], axis=1)
    if dtype == "int64":
        limits = np.iinfo(dtype)
        return np.array([[limits.min, limits.max, 0, 1, -1, 2**40]], dtype)
    return np.array([[True, False]]) if dtype == "bool" else unary.every(dtype)


@pytest.mark.parametrize(("op", "dtype"), CASES)
def test_it_has_the_bytes_of_litert(op, dtype):
    x = values(dtype)
    data = plain(op, dtype, x.size)
    equal(data, x, peer(op)(data)(x))


NAN, INF = np.nan, np.inf
SPECIAL = {
    "FLOOR": {NAN: NAN, INF: INF, -INF: -INF, -0.0: -0.0, 0.5: 0.0},
    "NEG": {NAN: NAN, INF: -INF, -INF: INF, 0.0: -0.0},
    "SIGN": {NAN: NAN, INF: 1.0, -INF: -1.0, -0.0: 0.0},
    "SQUARE": {NAN: NAN, INF: INF, -INF: INF, 1e-30: 0.0, -1e30: INF},
    "SIN": {NAN: NAN, INF: NAN, -INF: NAN, -0.0: -0.0},
    "COS": {NAN: NAN, INF: NAN, -INF: NAN, -0.0: 1.0},
}


@pytest.mark.parametrize("op", SPECIAL)
def test_what_is_not_a_number(op):
    unary.check_special(op, SPECIAL[op])


@pytest.mark.parametrize("op", ["CEIL", "ROUND"])
def test_what_is_not_a_number_has_the_same_bytes_everywhere(op):
    unary.check_not_a_number(op)


@settings(max_examples=20, deadline=None)
@given(op=st.sampled_from(["SIN", "COS"]), power=st.integers(-30, 127), seed=st.integers(0, 99))
def test_angles_of_any_size(op, power, seed):
    rng = np.random.default_rng(seed)
    x = np.ldexp(rng.uniform(-2, 2, (1, 500)), power).astype(np.float32)
    x[0, :2] = (0.0, -0.0)
    data = plain(op, "float32", x.size)
    engines = runtimes.engines(data)
    answer = engines.pop("reference").run(x)
    if power < 20:
        exact = {"SIN": np.sin, "COS": np.cos}[op](x.astype(np.longdouble))
        assert unary.ulps(answer, exact) < 0.501
    assert unary.ulps(answer, runtimes.builtin_ref(data)(x)) <= 1
    for engine in engines.values():
        assert engine.run(x).tobytes() == answer.tobytes()


@pytest.mark.parametrize("op", ["SIN", "COS"])
def test_angles_near_multiples_of_a_quarter(op):
    """Where the result is small: 16367173 * 2**72 is nearest to one of all float32 numbers."""
    quarters = (np.arange(1, 4000) * np.pi / 2).astype(np.float32)
    x = np.concatenate([quarters, [np.float32(16367173 * 2.0**72)]]).astype(np.float32)[None]
    data = plain(op, "float32", x.size)
    expected = runtimes.builtin_ref(data)(x)
    for engine in runtimes.engines(data).values():
        assert unary.ulps(engine.run(x), expected) <= 1


@pytest.mark.parametrize(("op", "dtype"), [*CASES, ("SIN", "float32"), ("COS", "float32")])
def test_in_place(op, dtype):
    if dtype in ("float32", "int16") and op not in ("SIN", "COS"):
        unary.check_in_place(op, (dtype, 0, 0), (dtype, 0, 0))


def test_other_bytes_than_1_are_true():
    data = plain("LOGICAL_NOT", "bool", 4)
    x = np.array([[0, 1, 2, 255]], np.uint8).view(np.bool_)
    for engine in runtimes.engines(data).values():
        assert np.asarray(engine.run(x)).tolist() == [[True, False, False, False]]


@pytest.mark.parametrize(
    ("op", "source", "message"),
    [
        ("SQUARE", ("int8", 0.1, 0), "both are float32"),
        ("LOGICAL_NOT", FLOAT, "LOGICAL_NOT bool"),
        ("SIGN", ("int64", 0, 0), "SIGN also int32"),
    ],
)
def test_limits_are_told(op, source, message):
    unary.check_refused(op, source, source, message)
