"""CAST: every engine against LiteRT, byte by byte."""

import itertools

import numpy as np
import pytest

import build
import moved
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal


def chain(*types):
    """A model that casts float32 to each type in turn."""
    tensors = [build.tensor((1, 40), dtype) for dtype in types]
    return build.model(tensors, [("CAST", [at], at + 1, {}) for at in range(len(types) - 1)])


SEEDS = {"CAST": chain("float32", "int64", "int16", "float32")}

SPECIAL = [0.5, -0.5, -0.0, 1e-40, 127.5, 128, -128.5, -129, 255.9, 256, 3e9]
ENDS = [sign * 2.0**bits for bits in (7, 8, 15, 16, 31, 32, 63, 64, 100) for sign in (1, -1)]


PAIRS = list(itertools.product(moved.TYPES, moved.TYPES))


def numbers(dtype):
    x = moved.drawn(1, dtype, (1, 400))
    if dtype == "float32":
        near = [np.nextafter(np.float32(end), np.float32(0)) for end in ENDS]
        extra = np.array([*SPECIAL, *ENDS, *near], np.float32)
        return np.concatenate([x, x * 50, x * 1e9, extra[None]], axis=1)
    if dtype == "int64":
        return np.concatenate([x, x >> 32, x >> 48], axis=1)
    return x


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_it_is_what_litert_gives(source, target):
    x = numbers(source)
    data = build.model(
        [build.tensor(x.shape, one) for one in (source, target)], [("CAST", [0], 1, {})]
    )
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("target", [one for one in moved.TYPES if one != "float32"])
def test_what_is_no_number_is_what_litert_makes_of_it(target):
    """Infinities and NaN, which are no inputs of a model, in a constant."""
    tensors = [build.tensor((1, 1), target), build.tensor((1, 4), target)]
    tensors += [build.constant([[np.nan, np.inf, -np.inf, 1e38]], "float32")]
    tensors += [build.tensor((1, 5), target)]
    ops = [("CAST", [2], 1, {}), ("CONCATENATION", [1, 0], 3, {"axis": 1})]
    data = build.model(tensors, ops)
    x = np.ones((1, 1), target)
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_scales_make_no_difference():
    tensors = [build.tensor((1, 3), "int8", 0.5, 7), build.tensor((1, 3), "int8", 0.25, -2)]
    data = build.model(tensors, [("CAST", [0], 1, {})])
    x = np.array([[-3, 0, 100]], np.int8)
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_float16_is_refused():
    tensors = [build.tensor((1, 3), dtype) for dtype in ("int8", "float16", "float32")]
    data = build.model(tensors, [("CAST", [0], 1, {}), ("DEQUANTIZE", [1], 2, {})])
    with pytest.raises(ModelError, match=r"of one of int8, .* float32; here it is int8 to float16"):
        plan(read(data))
