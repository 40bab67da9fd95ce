"""STRIDED_SLICE: every engine against LiteRT, byte by byte; of known numbers it is folded."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import build
import moved
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal

VECTOR = (4, 2, 6, 12, 1, 24)
MASKS = ("beginMask", "endMask", "ellipsisMask", "newAxisMask", "shrinkAxisMask")


def of_vector(begin, end, stride, output, **masks):
    """A model that gives its input the shape that is a part of ``VECTOR``."""
    tensors = [
        build.tensor((int(np.prod(output)),)),
        build.constant(VECTOR, "int32"),
        *(build.constant([number], "int32") for number in (begin, end, stride)),
        build.tensor((len(output),), "int32", name="shape"),
        build.tensor(output),
    ]
    ops = [("STRIDED_SLICE", [1, 2, 3, 4], 5, masks), ("RESHAPE", [0, 5], 6, {})]
    return build.model(tensors, ops)


SEEDS = {
    "STRIDED_SLICE": of_vector(0, 3, 2, (4, 6)),
    "STRIDED_SLICE int8": moved.model(
        *("STRIDED_SLICE", "int8", (1, 5, 4, 3), [[0, 4, 0, 1], [0, -6, 3, 2], [1, -2, 1, 1]]),
        [(1, 3, 3)],
        beginMask=1,
        endMask=1,
        shrinkAxisMask=8,
    ),
}


@pytest.mark.parametrize(
    ("bounds", "masks", "output"),
    [
        ((0, 3, 2), {}, (4, 6)),
        ((-5, -2, 2), {}, (2, 12)),
        ((4, 9, 1), {}, (1, 24)),
        ((5, 3, 2), {"beginMask": 1}, (4, 6)),
        ((4, 0, 1), {"endMask": 1}, (1, 24)),
        ((5, 9, 7), {}, (24,)),
        ((1, -7, -1), {}, (2, 4)),
    ],
)
def test_a_part_of_known_numbers_is_known(bounds, masks, output):
    x = np.arange(np.prod(output), dtype=np.float32)
    data = of_vector(*bounds, output, **masks)
    assert len(plan(read(data)).steps) == 1  # the copy to the output
    expected = runtimes.builtin_ref(data)(x)
    assert expected.shape == output
    equal(data, x, expected)


bound = st.integers(-6, 6)
stride = st.sampled_from((1, 1, 2, 3, -1, -2))


@settings(max_examples=80, deadline=None)
@given(seed=moved.seeds, dtype=moved.types, data=st.data())
def test_it_is_what_litert_gives(seed, dtype, data):
    shape = data.draw(moved.shapes(4, 5))
    masks = {name: data.draw(st.integers(0, 15)) for name in MASKS[:2]}
    plain = data.draw(st.booleans())
    for name in MASKS[2:]:
        masks[name] = 0 if plain else data.draw(st.sampled_from((0, 0, 1, 2, 4, 5)))
    count = data.draw(st.integers(1, len(shape) + masks["newAxisMask"].bit_count()))
    begin, end, steps = (
        data.draw(st.lists(one, min_size=count, max_size=count)) for one in (bound, bound, stride)
    )
    guess = moved.model("STRIDED_SLICE", dtype, shape, [begin, end, steps], [(1,)], **masks)
    try:
        planned = plan(read(guess)).graph
    except ModelError:
        assume(False)
    # Neither a scalar nor empty.
    output = planned.tensors[planned.outputs[0]].shape
    assume(output and 0 not in output)
    x = moved.drawn(seed, dtype, shape)
    moved.compare("STRIDED_SLICE", x, [begin, end, steps], **masks)


@pytest.mark.parametrize(
    ("bounds", "masks", "selected"),
    [
        ([[1, 0], [3, 2], [1, 1]], {}, np.s_[1:3, :2]),
        ([[4], [-9], [-1]], {}, np.s_[::-1]),
        ([[0, 1], [0, 0], [1, 1]], {"ellipsisMask": 1, "shrinkAxisMask": 2}, np.s_[..., 1]),
        ([[0] * 4, [0, 0, 2, 9], [1] * 4], {"newAxisMask": 2, "endMask": 1}, np.s_[:, None, :2]),
        (
            [[0] * 3, [0, 0, 3], [1] * 3],
            {"newAxisMask": 1, "ellipsisMask": 2},
            np.s_[None, ..., :3],
        ),
        (
            [[1, -1, 0], [2, 2, 2], [1, 1, 1]],
            {"offset": True, "shrinkAxisMask": 2},
            np.s_[1:3, -1, :2],
        ),
    ],
)
def test_it_is_what_python_selects(bounds, masks, selected):
    x = moved.drawn(3, "int16", (5, 4, 6))
    (output,) = moved.compare("STRIDED_SLICE", x, bounds, **masks)
    np.testing.assert_array_equal(output, x[selected])


def test_a_batch_is_that_of_its_images():
    moved.batched(SEEDS["STRIDED_SLICE int8"], moved.drawn(2, "int8", (4, 5, 4, 3)))


@pytest.mark.parametrize(
    ("bounds", "masks", "message"),
    [
        (
            [[0], [1], [0]],
            {},
            r"begin, end and stride are constant .* here it is \[0\], \[1\], \[0",
        ),
        ([[0, 0], [1], [1]], {}, "begin, end and stride are constant"),
        ([[0], build.tensor((1,), "int32"), [1]], {}, r"here it is \[0\], computed, \[1\]"),
        ([[0] * 3, [1] * 3, [1] * 3], {}, "bounds and masks are for the input.s dimensions"),
        ([[0] * 3, [1] * 3, [1] * 3], {"ellipsisMask": 1}, "here it is 3 bounds of int8 .5, 4.,"),
        ([[0] * 2, [1] * 2, [1] * 2], {"ellipsisMask": 3}, "of which one ellipsis skips 1 or more"),
        (
            [[5], [6], [1]],
            {"shrinkAxisMask": 1},
            r"lies inside the tensor; .* \[5\] of int8 \[5, 4",
        ),
        ([[3], [4], [-1]], {"shrinkAxisMask": 1}, "its stride is above 0"),
        (
            [[3, 0], [4, 1], [1, 1]],
            {"offset": True},
            r"none leaves the tensor; .* \[4, 1\] of int8",
        ),
        ([[3], [1], [1]], {"offset": True}, "there is one for each dimension"),
    ],
)
def test_limits_are_told(bounds, masks, message):
    with pytest.raises(ModelError, match=message):
        plan(read(moved.model("STRIDED_SLICE", "int8", (5, 4), bounds, [(1, 4)], **masks)))
