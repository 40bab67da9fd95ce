"""CONCATENATION: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import moved
import runtimes
from runtimes import equal
from trials import Trial, between


def joined(dtype, shape, axis, lengths, rng, quantization=(0.5, 0), activation=0):
    """A model that joins constants and, wherever a length is None, its input."""
    quantized = quantization if "int" in dtype else ()
    tensors, inputs = [build.tensor(shape, dtype, *quantized)], []
    total = 0
    for length in lengths:
        if length is None:
            inputs.append(0)
            total += shape[axis]
            continue
        part = [*shape]
        part[axis] = length
        total += length
        numbers = moved.drawn(int(rng.integers(2**32)), dtype, part)
        inputs.append(len(tensors))
        tensors.append(build.tensor(part, dtype, *quantized, data=numbers))
    output = [*shape]
    output[axis] = total
    tensors.append(build.tensor(output, dtype, *quantized))
    options = {"axis": axis, "fusedActivationFunction": activation}
    return build.model(tensors, [("CONCATENATION", inputs, len(tensors) - 1, options)])


def doubled(dtype, scale):
    """A model that joins its input to itself, and that to itself along another axis."""
    shapes = (2, 3, 4), (2, 3, 8), (4, 3, 8)
    ops = [("CONCATENATION", [at, at], at + 1, {"axis": axis}) for at, axis in ((0, -1), (1, 0))]
    return build.model([build.tensor(shape, dtype, scale) for shape in shapes], ops)


def rescaled(quantizations, output, length=4, constants=0):
    """A model that joins uint8 of several scales: its inputs, but the first ones are constants."""
    rng = np.random.default_rng(1)
    tensors = [
        build.tensor(
            (1, length),
            "uint8",
            *one,
            data=moved.drawn(int(rng.integers(99)), "uint8", (1, length))
            if at < constants
            else None,
        )
        for at, one in enumerate(quantizations)
    ]
    count = len(tensors)
    tensors.append(build.tensor((1, count * length), "uint8", *output))
    ops = [("CONCATENATION", range(count), count, {"axis": 1})]
    return build.model(tensors, ops, inputs=range(constants, count))


SEEDS = {
    "CONCATENATION uint8": rescaled([(0.07, 12), (0.05, 3)], (0.05, 3), constants=1),
    "CONCATENATION float32": doubled("float32", 0.0),
    "CONCATENATION int8": doubled("int8", 0.05),
}


def trial(rng):
    """Parts of a row that are shorter than a vector, or fill some, or many."""
    rows, most = between(rng, 1, 40), (40, 100, 400)[rng.integers(3)]
    lengths = [between(rng, 1, most) for _ in range(between(rng, 1, 6))]
    tensors = [rng.integers(-128, 128, rows * length, np.int8) for length in lengths]
    tensors.append(np.array(lengths, np.int32))
    return Trial([rows, len(lengths)], tensors, [len(lengths)], [rows * sum(lengths)])


TRIALS = {"concatenation": trial}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=moved.types,
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=5).map(tuple),
    axis=st.integers(-5, 4),
    lengths=st.lists(st.none() | st.integers(1, 9), max_size=6),
    rounding=st.sampled_from(("litert", "xnnpack")),
)
def test_it_is_what_litert_gives(seed, dtype, shape, axis, lengths, rounding):
    axis = max(-len(shape), min(len(shape) - 1, axis))
    rng = np.random.default_rng(seed)
    data = joined(dtype, shape, axis, [*lengths, None], rng)
    x = moved.drawn(seed, dtype, shape)
    equal(data, x, runtimes.PEERS[rounding](data)(x), rounding)


scale = st.floats(-3, 3).map(lambda exponent: float(np.float32(10.0**exponent)))


@settings(max_examples=40, deadline=None)
@given(
    quantizations=st.lists(st.tuples(scale, st.integers(0, 255)), min_size=1, max_size=4),
    zero_point=st.integers(0, 255),
    rounding=st.sampled_from(("litert", "xnnpack")),
)
def test_uint8_of_different_scales_is_rescaled(quantizations, zero_point, rounding):
    output = quantizations[0][0], zero_point
    data = rescaled([*quantizations, output], output, 256)
    inputs = [np.arange(256, dtype=np.uint8)[None]] * (len(quantizations) + 1)
    [expected] = runtimes.run_builtin_ref(data, inputs)
    for name, engine in runtimes.engines(data, rounding=rounding).items():
        np.testing.assert_array_equal(engine.run(tuple(inputs)), expected, err_msg=name)


def test_computed_tensors_are_joined():
    """The same tensor twice, and one that is made of it, which both live until then."""
    tensors = [build.tensor((2, size), "int8", 0.5, 1) for size in (3, 3, 3, 9)]
    ops = [
        ("ADD", [0, 0], 1, {}),
        ("ADD", [1, 0], 2, {}),
        ("CONCATENATION", [2, 1, 2], 3, {"axis": 1}),
    ]
    data = build.model(tensors, ops)
    x = np.arange(-3, 3).astype(np.int8).reshape(2, 3)
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_int16_of_different_scales_is_copied_as_litert_does():
    tensors = [
        build.tensor((3,), "int16", 0.5),
        build.constant([7, -7], "int16", 0.25),
        build.tensor((5,), "int16", 2.0),
    ]
    data = build.model(tensors, [("CONCATENATION", [0, 1], 2, {"axis": 0})])
    x = np.array([1, 2, 3], np.int16)
    assert runtimes.builtin_ref(data)(x).tolist() == [1, 2, 3, 7, -7]
    for engine in runtimes.engines(data).values():
        assert engine.run(x).tolist() == [1, 2, 3, 7, -7]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ((1e7, 3), "the scales of uint8 inputs are less than 2**22 of the output's; here it is 1"),
        ((), "uint8 tensors have one scale and zero point each, unless all are quantised the same"),
    ],
)
def test_limits_of_uint8_are_told(source, message):
    assert message in runtimes.refused(rescaled([(1.0, 3), source], (1.0, 3)))


def test_int8_of_different_scales_is_refused_here_and_there():
    tensors = [
        build.tensor((3,), "int8", 0.5),
        build.constant([0, 0], "int8", 0.25),
        build.tensor((5,), "int8", 0.5),
    ]
    data = build.model(tensors, [("CONCATENATION", [0, 1], 2, {"axis": 0})])
    assert "int8 inputs have the output's scale and zero point" in runtimes.refused(data)
    with pytest.raises(RuntimeError):
        runtimes.builtin_ref(data)


@pytest.mark.parametrize(
    ("dtype", "quantization", "kinds", "message"),
    [
        ("int16", (0.5, 3), {}, "int16 tensors the zero point 0; here it is zero point 3"),
        ("int8", (0.5, 3), {"activation": 1}, "there is no fused activation; here it is 1"),
    ],
)
def test_limits_are_told(dtype, quantization, kinds, message):
    rng = np.random.default_rng(0)
    assert message in runtimes.refused(
        joined(dtype, (2, 3), 1, [2, None], rng, quantization, **kinds)
    )


@pytest.mark.parametrize(
    ("shape", "axis", "message"),
    [
        ((2, 4), 2, "the axis is a dimension of the input; here it is 2 of float32 [2, 3]"),
        ((3, 4), 1, "shapes are equal but for the axis; here it is float32 [2, 3] and float32 [3"),
        ((2, 4, 1), 1, "shapes are equal but for the axis"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shape, axis, message):
    tensors = [
        build.tensor((2, 3)),
        build.constant(np.zeros(shape), "float32"),
        build.tensor((2, 7)),
    ]
    data = build.model(tensors, [("CONCATENATION", [0, 1], 2, {"axis": axis})])
    assert message in runtimes.refused(data)
