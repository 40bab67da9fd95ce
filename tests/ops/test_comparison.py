"""Comparisons: every engine against LiteRT and TFLite Micro's arithmetic."""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import build
import elementwise
import runtimes
from micro_arithmetic import multiply, quantize_multiplier
from runtimes import equal, f32

OPS = {
    "EQUAL": operator.eq,
    "NOT_EQUAL": operator.ne,
    "LESS": operator.lt,
    "LESS_EQUAL": operator.le,
    "GREATER": operator.gt,
    "GREATER_EQUAL": operator.ge,
}
PLAIN = ("int16", "int32", "int64", "float32")
QUANTIZED = ("int8", "uint8", "int16")


def seed(op: str, dtype: str, scale: float) -> bytes:
    """Return a model that compares its input with constants, and selects one of both."""
    low = 0 if dtype == "uint8" else -5
    constant = np.random.default_rng(1).integers(low, 6, (1, 7))
    tensors = [
        build.tensor((3, 7), dtype, scale),
        build.constant(constant, dtype, scale and 0.03),
        build.tensor((3, 7), "bool"),
        build.tensor((3, 7), dtype, scale),
    ]
    return build.model(tensors, [(op, [0, 1], 2, {}), ("SELECT_V2", [2, 0, 1], 3, {})])


BOOLS = [
    *(build.tensor((2, 5), dtype) for dtype in ("float32", "bool", "bool", "float32")),
    build.constant(np.zeros((2, 5)), "float32"),
    build.constant([[True], [False]], "bool"),
]
SEEDS = {
    **{f"{op} float32": seed(op, "float32", 0) for op in OPS},
    **{f"LESS {dtype}": seed("LESS", dtype, 0) for dtype in ("int32", "int64")},
    **{f"{op} {dtype}": seed(op, dtype, 0.04) for op in ("EQUAL", "LESS") for dtype in QUANTIZED},
    "EQUAL bool": build.model(
        BOOLS,
        [("LESS", [0, 4], 1, {}), ("EQUAL", [1, 5], 2, {}), ("SELECT_V2", [2, 0, 4], 3, {})],
    ),
}


@elementwise.quick(60)
@given(
    op=st.sampled_from(list(OPS)),
    dtype=st.sampled_from((*PLAIN, "bool")),
    pair=elementwise.shapes(),
    seed=elementwise.seeds,
    at=st.integers(0, 1),
)
def test_numbers_are_what_litert_gives(op, dtype, pair, seed, at):
    if dtype == "bool" and op not in ("EQUAL", "NOT_EQUAL"):
        op = "EQUAL"
    rng = np.random.default_rng(seed)
    operands = [elementwise.drawn(rng, dtype, shape) for shape in pair]
    if (op, dtype) != ("NOT_EQUAL", "int16"):
        elementwise.check(op, operands, at=at, output="bool")


@elementwise.quick(80)
@given(
    op=st.sampled_from(list(OPS)),
    dtype=st.sampled_from(QUANTIZED),
    pair=elementwise.shapes(),
    seed=elementwise.seeds,
    powers=st.tuples(st.floats(-8, 0), st.floats(-8, 0)),
    related=st.booleans(),
    at=st.integers(0, 1),
    rounding=st.sampled_from(("litert", "xnnpack", "tflite-micro")),
)
def test_quantized_numbers_are_what_litert_gives(
    op, dtype, pair, seed, powers, related, at, rounding
):
    rng = np.random.default_rng(seed)
    operands = [elementwise.drawn(rng, dtype, shape) for shape in pair]
    scales = [f32(0.99 * 10**power) for power in powers]
    if related:
        scales[1] = f32(scales[0] / rng.integers(1, 4))
    quantized = [(scale, elementwise.zero_point(rng, dtype)) for scale in scales]
    elementwise.check(op, operands, [*quantized, (0.0, 0)], at=at, output="bool", rounding=rounding)


@pytest.mark.parametrize("op", OPS)
def test_quantized_numbers_are_what_tflite_micro_calculates(op):
    """Source: tensorflow/lite/micro/kernels/comparisons.cc."""
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-128, 128, 2000).astype(np.int8) for _ in range(2))
    scales, offsets = (f32(0.011), f32(0.0055)), (-7, 3)
    moved = [
        [multiply((x - offset) * 256, *quantize_multiplier(scale)) for x in tensor.tolist()]
        for tensor, scale, offset in zip((a, b), scales, offsets, strict=True)
    ]
    expected = np.array(list(map(OPS[op], *moved)))
    quantized = [*zip(scales, offsets, strict=True), (0.0, 0)]
    data = elementwise.model(op, [a, b], quantized, output="bool")
    equal(data, a, expected, "tflite-micro")


@pytest.mark.parametrize("op", OPS)
def test_what_is_not_a_number(op):
    """It is among constants: an input has to be finite."""
    x = np.array([2, 1, 0, -0.0, 3e38], np.float32)
    other = np.array([np.nan, -np.inf, -0.0, 0, np.inf], np.float32)
    elementwise.check(op, [x, other], output="bool")
    elementwise.check(op, [other, x], output="bool", at=1)


def test_not_equal_of_int16_without_scales_is_that_of_numbers():
    """LiteRT's kernel writes nothing."""
    a, b = np.arange(-3, 4).astype(np.int16), np.abs(np.arange(-3, 4)).astype(np.int16)
    equal(elementwise.model("NOT_EQUAL", [a, b], output="bool"), a, a != b)


def test_an_output_does_not_replace_a_broadcast_input_of_as_many_bytes():
    """Four numbers of float32, read for each row, and sixteen bools."""
    shapes = [((4,), "float32")] * 2 + [((4, 4), "float32")] + [((4, 4), "bool")] * 2
    ops = [("ABS", [0], 1, {}), ("LESS", [1, 2], 3, {}), ("LOGICAL_NOT", [3], 4, {})]
    content = build.model([build.tensor(*one) for one in shapes], ops, inputs=[0, 2])
    a, b = np.array([0.9, -0.2, 0.3, 0.4], np.float32), np.full((4, 4), 0.5, np.float32)
    for engine in runtimes.engines(content).values():
        np.testing.assert_array_equal(engine.run((a, b)), ~(abs(a) < b))


def test_limits_are_told():
    x = np.zeros(3, np.int8)
    pair = [x, x]
    elementwise.refuse("The output is bool; here it is int8".lower(), "EQUAL", pair)
    elementwise.refuse(
        "one scale, below 1, and a zero point.*; here it is 1.0 and 0.5",
        "EQUAL",
        pair,
        [(1.0, 0), (0.5, 0), (0.0, 0)],
        output="bool",
    )
    elementwise.refuse("one scale, below 1", "LESS", pair, output="bool")
    bools = [one.astype(np.bool_) for one in pair]
    elementwise.refuse("here it is bool, bool", "LESS", bools, output="bool")
