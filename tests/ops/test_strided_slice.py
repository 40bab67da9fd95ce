"""STRIDED_SLICE: a part of a known vector, which the planner knows, as in LiteRT."""

import numpy as np
import pytest

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal

VECTOR = (4, 2, 6, 12, 1, 24)


def sliced(begin, end, stride, output, **masks):
    """A model that gives its input, [24], the shape of a part of ``VECTOR``."""
    tensors = [
        build.tensor((24,)),
        build.constant(VECTOR, "int32"),
        *(build.constant([number], "int32") for number in (begin, end, stride)),
        build.tensor((len(output),), "int32", name="shape"),
        build.tensor(output),
    ]
    ops = [("STRIDED_SLICE", [1, 2, 3, 4], 5, masks), ("RESHAPE", [0, 5], 6, {})]
    return build.model(tensors, ops)


SEEDS = {"STRIDED_SLICE": sliced(0, 3, 2, (4, 6))}


@pytest.mark.parametrize(
    ("bounds", "masks", "output"),
    [
        ((0, 3, 2), {}, (4, 6)),
        ((-5, -2, 2), {}, (2, 12)),
        ((4, 9, 1), {}, (1, 24)),
        ((5, 3, 2), {"beginMask": 1}, (4, 6)),
        ((4, 0, 1), {"endMask": 1}, (1, 24)),
        ((5, 9, 7), {}, (24,)),
    ],
)
def test_it_is_that_of_litert(bounds, masks, output):
    x = np.arange(24, dtype=np.float32)
    data = sliced(*bounds, output, **masks)
    expected = runtimes.builtin_ref(data)(x)
    assert expected.shape == output
    equal(data, x, expected)


@pytest.mark.parametrize(
    ("bounds", "masks", "message"),
    [
        ((0, 3, -1), {}, "begin, end and stride are one constant number each"),
        ((0, 3, 0), {}, "begin, end and stride are one constant number each"),
        ((0, 3, 1), {"ellipsisMask": 1}, "no ellipsis, .* here it is ellipsis_mask"),
        ((0, 3, 1), {"newAxisMask": 1}, "no ellipsis, .* here it is new_axis_mask"),
        ((0, 3, 1), {"offset": True}, "no ellipsis, .* here it is offset"),
        (
            (6, 7, 1),
            {"shrinkAxisMask": 1},
            "a begin .* lies inside the vector; here it is .6,. of int32 .6.",
        ),
    ],
)
def test_limits_are_told(bounds, masks, message):
    with pytest.raises(ModelError, match=f"STRIDED_SLICE 'shape': {message}"):
        plan(read(sliced(*bounds, (4, 2, 6), **masks)))
