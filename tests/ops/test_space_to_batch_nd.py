"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: every engine against LiteRT, byte by byte."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import build
import moved
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

DILATION = [[2, 2], [[1, 0], [1, 2]]]


def dilated():
    """A model as TensorFlow makes of a dilated convolution: space to batch, and back."""
    shapes = (1, 5, 3, 2), (4, 3, 3, 2), (1, 5, 3, 2)
    tensors = [build.tensor(shape, "int8", 0.05, 3) for shape in shapes]
    tensors += [build.constant(one, "int32") for one in DILATION]
    ops = [("SPACE_TO_BATCH_ND", [0, 3, 4], 1, {}), ("BATCH_TO_SPACE_ND", [1, 3, 4], 2, {})]
    return build.model(tensors, ops)


SEEDS = {"SPACE_TO_BATCH_ND int8": dilated()}

types = st.sampled_from(("int8", "uint8", "int16", "float32", "int32", "int64"))
sizes = st.integers(1, 4)


@settings(max_examples=40, deadline=None)
@given(seed=moved.seeds, dtype=types, data=st.data(), flat=st.booleans())
def test_space_to_batch_is_what_litert_gives(seed, dtype, data, flat):
    count = 1 if flat else 2
    shape = tuple(data.draw(sizes) for _ in range(count + 2))
    blocks, paddings = [], []
    for size in shape[1:-1]:
        blocks.append(data.draw(st.integers(1, 3)))
        before = data.draw(st.integers(0, 3))
        paddings.append(
            [before, -(size + before) % blocks[-1] + blocks[-1] * data.draw(st.booleans())]
        )
    moved.compare("SPACE_TO_BATCH_ND", moved.drawn(seed, dtype, shape), [blocks, paddings])


@settings(max_examples=40, deadline=None)
@given(seed=moved.seeds, dtype=types, data=st.data(), flat=st.booleans())
def test_batch_to_space_is_what_litert_gives(seed, dtype, data, flat):
    batch, *inner, channels = (data.draw(sizes) for _ in range(3 if flat else 4))
    blocks, crops = [], []
    for size in inner:
        blocks.append(data.draw(st.integers(1, 3)))
        batch *= blocks[-1]
        crops.append([data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))])
        assume(sum(crops[-1]) < size * blocks[-1])
    x = moved.drawn(seed, dtype, (batch, *inner, channels))
    moved.compare("BATCH_TO_SPACE_ND", x, [blocks, crops])


def test_there_and_back_is_where_it_was():
    x = moved.drawn(2, "int8", (4, 5, 3, 2))
    moved.batched(dilated(), x)


@pytest.mark.parametrize(
    ("op", "shape", "constants", "message"),
    [
        (
            "SPACE_TO_BATCH_ND",
            (1, 4, 4, 1),
            [[2, 3], [[0, 0], [0, 0]]],
            r"here it is \[2, 3\] and \[",
        ),
        (
            "SPACE_TO_BATCH_ND",
            (1, 4, 4, 1),
            [[2], [[0, 0]]],
            "fit the dimensions between the outer",
        ),
        ("SPACE_TO_BATCH_ND", (1, 4, 4, 1), [[2, 0], [[0, 0]] * 2], "fit the dimensions between"),
        ("SPACE_TO_BATCH_ND", (4, 4), [[2, 2], [[0, 0]] * 2], "the input has 3 or 4 dimensions"),
        ("BATCH_TO_SPACE_ND", (3, 4, 4, 1), [[2, 1], [[0, 0]] * 2], "fit the dimensions between"),
        ("BATCH_TO_SPACE_ND", (2, 1, 4, 1), [[2, 1], [[1, 1], [0, 0]]], "the output is not empty"),
    ],
)
def test_limits_are_told(op, shape, constants, message):
    with pytest.raises(ModelError, match=message):
        plan(read(moved.model(op, "int8", shape, constants, [(1,)])))


def test_very_long_images_are_refused():
    shape = (1, 2**18, 1)
    data = moved.model("SPACE_TO_BATCH_ND", "int8", shape, [[512], [[0, 0]]], [(512, 512, 1)])
    with pytest.raises(ModelError, match=r"at most 2\*\*18 images.* \[1, 262144\] to \[512, 512\]"):
        plan(read(data))


def test_other_scales_are_refused():
    tensors = [build.tensor((1, 2, 2, 1), "int8", 0.5), build.tensor((4, 1, 1, 1), "int8", 0.25)]
    tensors += [build.constant([2, 2], "int32"), build.constant([[0, 0]] * 2, "int32")]
    with pytest.raises(ModelError, match="the same element type, scale and zero point"):
        plan(read(build.model(tensors, [("SPACE_TO_BATCH_ND", [0, 2, 3], 1, {})])))
