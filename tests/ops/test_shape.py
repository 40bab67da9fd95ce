"""SHAPE: the shape of a tensor, which the planner knows, as in LiteRT."""

import numpy as np
import pytest

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal


def there_and_back(shape, dtype="int32"):
    """A model that makes its input flat, and gives it the shape again that it had."""
    flat = (int(np.prod(shape)),)
    tensors = [
        build.tensor(shape),
        build.constant(flat, "int32"),
        build.tensor(flat),
        build.tensor((len(shape),), dtype, name="shape"),
        build.tensor(shape),
    ]
    ops = [
        ("RESHAPE", [0, 1], 2, {}),
        ("SHAPE", [0], 3, {"outType": build.TYPES[dtype]}),
        ("RESHAPE", [2, 3], 4, {}),
    ]
    return build.model(tensors, ops)


SEEDS = {"SHAPE": there_and_back((2, 3, 4))}


@pytest.mark.parametrize("shape", [(24,), (2, 12), (2, 3, 1, 4)])
def test_it_is_that_of_litert(shape):
    x = np.arange(24, dtype=np.float32).reshape(shape)
    data = there_and_back(shape)
    expected = runtimes.builtin_ref(data)(x)
    assert expected.shape == shape
    equal(data, x, expected)


def test_other_types_are_refused():
    with pytest.raises(ModelError, match=r"SHAPE 'shape': the output is int32 or int64; .* int8"):
        plan(read(there_and_back((2, 3), "int8")))
