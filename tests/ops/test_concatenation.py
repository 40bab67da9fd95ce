"""CONCATENATION: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read


def options(axis, activation=0):
    made = schema.ConcatenationOptionsT()
    made.axis, made.fusedActivationFunction = axis, activation
    return made


def joined(dtype, shape, axis, lengths, rng, quantization=((0.5,), (0,)), **kinds):
    """A model that joins constants and, wherever a length is None, its input."""
    quantized = quantization if dtype.startswith("int") else ((), ())
    tensors, inputs = [runtimes.tensor("x", shape, dtype, *quantized)], []
    total = 0
    for length in lengths:
        if length is None:
            inputs.append(0)
            total += shape[axis]
            continue
        own = [*shape]
        own[axis] = length
        total += length
        numbers = rng.integers(-100, 100, own).astype(dtype)
        inputs.append(len(tensors))
        tensors.append(runtimes.tensor("c", tuple(own), dtype, *quantized, data=numbers))
    made = [*shape]
    made[axis] = total
    tensors.append(runtimes.tensor("y", tuple(made), dtype, *quantized))
    return runtimes.model("CONCATENATION", options(axis, **kinds), tensors, inputs, version=2)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(("int8", "int16", "int32", "int64", "float32")),
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=5).map(tuple),
    axis=st.integers(-5, 4),
    lengths=st.lists(st.none() | st.integers(1, 9), max_size=6),
    rounding=st.sampled_from(("litert", "xnnpack")),
)
def test_it_is_what_litert_gives(seed, dtype, shape, axis, lengths, rounding):
    axis = max(-len(shape), min(len(shape) - 1, axis))
    rng = np.random.default_rng(seed)
    data = joined(dtype, shape, axis, [*lengths, None], rng)
    x = rng.integers(-100, 100, shape).astype(dtype)
    runtime = runtimes.builtin_ref if rounding == "litert" else runtimes.xnnpack
    expected = runtime(data)(x)
    for name, engine in runtimes.engines(data, rounding=rounding).items():
        answer = engine.run(x)
        assert answer.shape == expected.shape
        np.testing.assert_array_equal(answer, expected, err_msg=name)


def test_computed_tensors_are_joined():
    """The same tensor twice, and one that is made of it, which both live until then."""
    tensors = [
        runtimes.tensor("x", (2, 3), "int8", (0.5,), (1,)),
        runtimes.tensor("t", (2, 3), "int8", (0.5,), (1,)),
        runtimes.tensor("u", (2, 3), "int8", (0.5,), (1,)),
        runtimes.tensor("y", (2, 9), "int8", (0.5,), (1,)),
    ]
    add = schema.AddOptionsT()
    steps = [
        ("ADD", add, [0, 0], 1),
        ("ADD", add, [1, 0], 2),
        ("CONCATENATION", options(1), [2, 1, 2], 3),
    ]
    data = runtimes.network(steps, tensors, version=2)
    x = np.arange(-3, 3).astype(np.int8).reshape(2, 3)
    expected = runtimes.builtin_ref(data)(x)
    for name, engine in runtimes.engines(data).items():
        np.testing.assert_array_equal(engine.run(x), expected, err_msg=name)


def test_int16_of_different_scales_is_copied_as_litert_does():
    tensors = [
        runtimes.tensor("x", (3,), "int16", (0.5,), (0,)),
        runtimes.tensor("c", (2,), "int16", (0.25,), (0,), data=np.array([7, -7], np.int16)),
        runtimes.tensor("y", (5,), "int16", (2.0,), (0,)),
    ]
    data = runtimes.model("CONCATENATION", options(0), tensors, [0, 1], version=3)
    x = np.array([1, 2, 3], np.int16)
    assert runtimes.builtin_ref(data)(x).tolist() == [1, 2, 3, 7, -7]
    for engine in runtimes.engines(data).values():
        assert engine.run(x).tolist() == [1, 2, 3, 7, -7]


def refused(data):
    with pytest.raises(ModelError) as error:
        plan(read(data))
    return str(error.value)


def test_int8_of_different_scales_is_refused_here_and_there():
    tensors = [
        runtimes.tensor("x", (3,), "int8", (0.5,), (0,)),
        runtimes.tensor("c", (2,), "int8", (0.25,), (0,), data=np.zeros(2, np.int8)),
        runtimes.tensor("y", (5,), "int8", (0.5,), (0,)),
    ]
    data = runtimes.model("CONCATENATION", options(0), tensors, [0, 1], version=3)
    assert "int8 inputs have the output's scale and zero point" in refused(data)
    with pytest.raises(RuntimeError):
        runtimes.builtin_ref(data)


@pytest.mark.parametrize(
    ("dtype", "quantization", "kinds", "message"),
    [
        ("int16", ((0.5,), (3,)), {}, "int16 tensors the zero point 0; here it is zero point 3"),
        ("int8", ((0.5,), (3,)), {"activation": 1}, "there is no fused activation; here it is 1"),
        ("uint8", ((0.5,), (3,)), {}, "int32, int64 or float32; here it is uint8, uint8, uint8"),
    ],
)
def test_limits_are_told(dtype, quantization, kinds, message):
    rng = np.random.default_rng(0)
    assert message in refused(joined(dtype, (2, 3), 1, [2, None], rng, quantization, **kinds))


@pytest.mark.parametrize(
    ("shape", "axis", "message"),
    [
        ((2, 4), 2, "the axis is a dimension of the inputs; here it is 2 of float32 [2, 3]"),
        ((3, 4), 1, "shapes are equal but for the axis; here it is float32 [2, 3] and float32 [3"),
        ((2, 4, 1), 1, "shapes are equal but for the axis"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shape, axis, message):
    tensors = [
        runtimes.tensor("x", (2, 3), "float32"),
        runtimes.tensor("c", shape, "float32", data=np.zeros(shape, np.float32)),
        runtimes.tensor("y", (2, 7), "float32"),
    ]
    data = runtimes.model("CONCATENATION", options(axis), tensors, [0, 1], version=1)
    assert message in refused(data)
