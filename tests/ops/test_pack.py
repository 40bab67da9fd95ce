"""PACK: known numbers joined to a vector, which the planner knows, as in LiteRT."""

import numpy as np
import pytest

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal


def packed(numbers, axis=0, dtype="int32"):
    """A model that gives its input, [24], the shape of numbers that are packed."""
    count = len(numbers)
    tensors = [
        build.tensor((24,)),
        *(build.constant(number, dtype) for number in numbers),
        build.tensor((count,), "int32", name="shape"),
        build.tensor(numbers if np.ndim(numbers) == 1 else (24,)),
    ]
    ops = [
        ("PACK", range(1, count + 1), count + 1, {"valuesCount": count, "axis": axis}),
        ("RESHAPE", [0, count + 1], count + 2, {}),
    ]
    return build.model(tensors, ops)


SEEDS = {"PACK": packed((4, 6))}


@pytest.mark.parametrize("numbers", [(24,), (4, 6), (2, 3, 1, 4)])
@pytest.mark.parametrize("axis", [0, -1])
def test_it_is_that_of_litert(numbers, axis):
    x = np.arange(24, dtype=np.float32)
    data = packed(numbers, axis)
    expected = runtimes.builtin_ref(data)(x)
    assert expected.shape == numbers
    equal(data, x, expected)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (packed((4, 6), axis=1), "they are joined along axis 0; here it is 1"),
        (packed((4, 6), dtype="int64"), "all inputs are known whole numbers .* int64 for int32"),
        (packed(((4,), (6,))), r"all inputs are known whole numbers .* int32 \[1\]"),
    ],
)
def test_limits_are_told(data, message):
    with pytest.raises(ModelError, match=f"PACK 'shape': {message}"):
        plan(read(data))
