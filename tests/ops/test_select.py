"""SELECT and SELECT_V2: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import elementwise

TYPES = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool")


def seed(op: str, dtype: str, condition: tuple[int, ...]) -> bytes:
    """Return a model that selects between its input and constants by a constant condition."""
    rng = np.random.default_rng(1)
    operands = [
        elementwise.drawn(rng, kind, shape)
        for kind, shape in (("bool", condition), (dtype, (4, 5)), (dtype, (4, 5)))
    ]
    scale = 0.1 if dtype in ("int8", "uint8", "int16") else 0.0
    return elementwise.model(op, operands, [(0.0, 0), *[(scale, 0)] * 3], shape=(4, 5), at=1)


SEEDS = {
    **{f"SELECT_V2 {dtype}": seed("SELECT_V2", dtype, (4, 1)) for dtype in TYPES},
    "SELECT": seed("SELECT", "float32", (4, 5)),
    "SELECT of slices": seed("SELECT", "int8", (4,)),
    "SELECT of all": seed("SELECT", "int16", ()),
}


@elementwise.quick(60)
@given(
    dtype=st.sampled_from(TYPES),
    three=elementwise.shapes(3),
    seed=elementwise.seeds,
    at=st.integers(0, 2),
)
def test_elements_are_what_litert_gives(dtype, three, seed, at):
    rng = np.random.default_rng(seed)
    kinds = ("bool", dtype, dtype)
    operands = [elementwise.drawn(rng, *one) for one in zip(kinds, three, strict=True)]
    if all(operand.size == 1 for operand in operands):
        operands = [operand.ravel() for operand in operands]  # LiteRT keeps the file's shape
    elementwise.check("SELECT_V2", operands, at=at)


@pytest.mark.parametrize("condition", [(3, 2, 4), (3,), ()])
@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_the_first_version_accepts_conditions_of_slices(condition, at, dtype):
    rng = np.random.default_rng(0)
    operands = [elementwise.drawn(rng, dtype, (3, 2, 4)) for _ in range(2)]
    choice = elementwise.drawn(rng, "bool", condition)
    at = at if condition else max(at, 1)  # no model's input is a scalar
    elementwise.check("SELECT", [choice, *operands], shape=(3, 2, 4), at=at)


@pytest.mark.parametrize(
    ("op", "shapes", "message"),
    [
        ("SELECT", ((1, 5), (4, 5), (4, 5)), r"or none; here it is \[1, 5\] for \[4, 5\]"),
        ("SELECT", ((4, 5), (4, 5), (1, 5)), "second and third are equal"),
        ("SELECT_V2", ((4, 5), (4, 5)), "three inputs; here it is 2"),
    ],
)
def test_limits_are_told(op, shapes, message):
    operands = [np.zeros(shape, np.int8) for shape in shapes]
    operands[0] = operands[0].astype(np.bool_)
    elementwise.refuse(message, op, operands)


def test_conditions_are_bool():
    x = np.zeros(4, np.int8)
    elementwise.refuse("first input is bool; here it is int8", "SELECT_V2", [x, x, x])
