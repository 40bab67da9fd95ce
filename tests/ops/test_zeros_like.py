"""ZEROS_LIKE: zeros, which the planner knows, as in LiteRT."""

import numpy as np
import pytest

import build
import moved
import runtimes
from runtimes import equal


def zeros(dtype, quantization=()):
    """A model that adds zeros of its own shape to its input."""
    tensors = [build.tensor((2, 3), dtype, *quantization) for _ in range(3)]
    return build.model(tensors, [("ZEROS_LIKE", [0], 1, {}), ("ADD", [0, 1], 2, {})])


SEEDS = {"ZEROS_LIKE": zeros("float32")}


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_it_is_what_litert_gives(dtype):
    data = zeros(dtype)
    x = moved.drawn(1, dtype, (2, 3))
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("dtype", moved.TYPES)
def test_other_types_are_zeros_too(dtype):
    tensors = [build.tensor((2, 3), dtype) for _ in range(2)]
    data = build.model(tensors, [("ZEROS_LIKE", [0], 1, {})])
    equal(data, moved.drawn(1, dtype, (2, 3)), np.zeros((2, 3), dtype))
