"""LOGICAL_AND and LOGICAL_OR: every engine against LiteRT."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import build
import elementwise

OPS = ("LOGICAL_AND", "LOGICAL_OR")


def between(op: str) -> bytes:
    """Return a model of a range: which numbers are in it, or which are not."""
    tensors = [
        build.tensor((3, 6)),
        build.constant([[-0.5]], "float32"),
        build.constant(np.linspace(-1, 1, 6)[None], "float32"),
        *(build.tensor((3, 6), "bool") for _ in range(3)),
        build.tensor((3, 6)),
    ]
    ops = [
        ("GREATER", [0, 1], 3, {}),
        ("LESS_EQUAL", [0, 2], 4, {}),
        (op, [3, 4], 5, {}),
        ("SELECT", [5, 0, 0], 6, {}),
    ]
    return build.model(tensors, ops)


SEEDS = {op: between(op) for op in OPS}


@elementwise.quick(30)
@given(
    op=st.sampled_from(OPS),
    pair=elementwise.shapes(),
    seed=elementwise.seeds,
    at=st.integers(0, 1),
)
def test_bools_are_what_litert_gives(op, pair, seed, at):
    rng = np.random.default_rng(seed)
    operands = [elementwise.drawn(rng, "bool", shape) for shape in pair]
    elementwise.check(op, operands, at=at)


def test_numbers_are_refused():
    x = np.zeros(3, np.int8)
    elementwise.refuse("inputs and output are bool; here it is int8", "LOGICAL_OR", [x, x])
