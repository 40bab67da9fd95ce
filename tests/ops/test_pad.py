"""PAD and PADV2: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import moved
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal

IMAGE = [[0, 0], [0, 1], [2, 1], [0, 0]]


def value(dtype, number=None, seed=0):
    """The constant of PADV2."""
    quantized = moved.QUANTIZED.get(dtype, ())
    data = moved.drawn(seed, dtype, ()) if number is None else np.array(number, dtype)
    return build.tensor((), dtype, *quantized, data=data)


SEEDS = {
    "PAD int8": moved.model("PAD", "int8", (1, 4, 3, 2), [IMAGE], [(1, 5, 6, 2)]),
    "PAD int16": moved.model("PAD", "int16", (1, 3, 2), [[[0, 0], [0, 0], [1, 2]]], [(1, 3, 5)]),
    "PADV2 float32": moved.model(
        "PADV2", "float32", (1, 4, 3, 2), [IMAGE, value("float32", -1.5)], [(1, 5, 6, 2)]
    ),
}


@settings(max_examples=60, deadline=None)
@given(
    seed=moved.seeds,
    dtype=moved.types,
    data=st.data(),
    second=st.booleans(),
    wide=st.booleans(),
    rounding=st.sampled_from(("litert", "xnnpack")),
)
def test_it_is_what_litert_gives(seed, dtype, data, second, wide, rounding):
    shape = data.draw(moved.shapes())
    sides = st.sampled_from([0, 0, 1, 2, 5])
    paddings = [[data.draw(sides), data.draw(sides)] for _ in shape]
    constants = [build.constant(paddings, "int64" if wide else "int32")]
    if second:
        constants.append(value(dtype, seed=seed))
    moved.compare(
        "PADV2" if second else "PAD", moved.drawn(seed, dtype, shape), constants, rounding=rounding
    )


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("source", [(), (0.5, 0), (0.5, 7)])
@pytest.mark.parametrize("target", [(), (0.25, 0), (0.25, 100)])
def test_the_padding_is_a_zero_point_where_litert_has_one(dtype, source, target):
    """Of scales that differ the elements are copied as they are."""
    tensors = [
        build.tensor((1, 2), dtype, *source),
        build.constant([[0, 0], [1, 2]], "int32"),
        build.tensor((1, 5), dtype, *target),
    ]
    data = build.model(tensors, [("PAD", [0, 1], 2, {})])
    x = np.array([[3, 4]], dtype)
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("zero_point", [-128, 127])
def test_zero_points_are_of_the_whole_range(zero_point):
    tensors = [build.tensor(shape, "int8", 0.5, zero_point) for shape in ((2, 1), (4, 3))]
    tensors.append(build.constant([[1, 1], [2, 0]], "int32"))
    data = build.model(tensors, [("PAD", [0, 2], 1, {})])
    x = np.array([[3], [4]], np.int8)
    expected = runtimes.builtin_ref(data)(x)
    assert expected[0, 0] == zero_point
    equal(data, x, expected)


def test_a_batch_is_that_of_its_images():
    moved.batched(SEEDS["PAD int8"], moved.drawn(2, "int8", (5, 4, 3, 2)))


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ([[[0, 0], [-1, 2]]], r"two numbers from 0 on for each dimension; .*\[0, 0, -1, 2\]"),
        ([[[1, 1]]], r"the paddings are constant.*\[1, 2\]"),
        ([build.tensor((2, 2), "int32")], "the paddings are constant"),
        ([[[0, 0], [1, 1]], value("int16")], "one constant of the output's element type"),
        (
            [[[0, 0], [1, 1]], build.tensor((1,), "int8")],
            "one constant of the output's element type",
        ),
        (
            [[[0, 0], [1, 1]], build.constant(3, "int8", 0.5)],
            r"has the output's scale and zero point; here it is Quantization\(scales=\(0.5,",
        ),
    ],
)
def test_limits_are_told(constants, message):
    op = "PADV2" if len(constants) == 2 else "PAD"
    data = moved.model(op, "int8", (2, 3), constants, [(2, 5)])
    with pytest.raises(ModelError, match=message):
        plan(read(data))
