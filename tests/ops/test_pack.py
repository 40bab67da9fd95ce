"""PACK: every engine against LiteRT, byte by byte; of known numbers it is folded."""

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


def of_numbers(numbers, axis=0, dtype="int32"):
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


def packed(dtype, shape, axis, parts):
    """A model of its input and of constants, where ``parts`` has some."""
    rank = len(shape) + 1
    output = list(shape)
    output.insert(axis % rank, len(parts))
    quantized = moved.QUANTIZED.get(dtype, ())
    tensors = [build.tensor(shape, dtype, *quantized), build.tensor(output, dtype, *quantized)]
    inputs = []
    for part in parts:
        inputs.append(0 if part is None else len(tensors))
        if part is not None:
            tensors.append(build.tensor(shape, dtype, *quantized, data=part))
    options = {"valuesCount": len(parts), "axis": axis}
    return build.model(tensors, [("PACK", inputs, 1, options)])


SEEDS = {"PACK": of_numbers((4, 6)), "PACK float32": packed("float32", (1, 3), 2, [None] * 2)}


@pytest.mark.parametrize("numbers", [(24,), (4, 6), (2, 3, 1, 4)])
@pytest.mark.parametrize("axis", [0, -1])
def test_numbers_that_are_known_are_known_together(numbers, axis):
    x = np.arange(24, dtype=np.float32)
    data = of_numbers(numbers, axis)
    expected = runtimes.builtin_ref(data)(x)
    assert expected.shape == numbers
    equal(data, x, expected)


@settings(max_examples=40, deadline=None)
@given(
    seed=moved.seeds,
    dtype=st.sampled_from(("int8", "uint8", "int16", "float32", "int32", "int64")),
    shape=moved.shapes(4),
    constant=st.lists(st.booleans(), min_size=1, max_size=4),
    data=st.data(),
)
def test_it_is_what_litert_gives(seed, dtype, shape, constant, data):
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    parts = [moved.drawn(seed + 1, dtype, shape) if one else None for one in constant]
    x = moved.drawn(seed, dtype, shape)
    file = packed(dtype, shape, axis, [*parts, None])
    equal(file, x, runtimes.builtin_ref(file)(x))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (of_numbers((4, 6), axis=2), r"the axis is from .* here it is 2 of int32 \[\]"),
        (of_numbers((4, 6), dtype="int64"), r"inputs have .* here it is int64 \[\] for int32"),
    ],
)
def test_limits_are_told(data, message):
    with pytest.raises(ModelError, match=f"PACK 'shape': .*{message}"):
        plan(read(data))


def test_other_scales_are_refused_here_and_there():
    tensors = [build.tensor((1, 4), "int8", 0.5, 1), build.tensor((1, 1, 4), "int8", 0.5, 2)]
    data = build.model(tensors, [("PACK", [0], 1, {"valuesCount": 1, "axis": 0})])
    with pytest.raises(ModelError, match="scale and zero point; here it is Quantization"):
        plan(read(data))
    with pytest.raises(RuntimeError):
        runtimes.builtin_ref(data)
