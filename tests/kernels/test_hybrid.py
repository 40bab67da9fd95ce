"""FULLY_CONNECTED, CONV_2D and DEPTHWISE_CONV_2D of float32 with int8 weights against LiteRT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.backends import native, reference
from edge_runtime.planner import plan
from edge_runtime.reader import read
from mixed_layers import convolution, convolution_seeds, depthwise_seeds, hybrid

CONVOLUTIONS = {**convolution_seeds(), **depthwise_seeds()}

layers = {
    "seed": st.integers(0, 2**32 - 1),
    "rows": st.integers(1, 5),
    "depth": st.integers(1, 200),
    "outputs": st.integers(1, 40),
    "with_bias": st.booleans(),
    "activation": st.integers(0, 3),
}


def rows_of(rng, shape, kind):
    """Rows that have a zero point in the middle, at an end, or next to a half; some are 0."""
    x = (rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4)).astype(np.float32)
    if kind == "whole":
        x = np.clip(np.round(x), -2, 2)
    if kind == "positive":
        x = np.abs(x)
    if kind == "negative":
        x = -np.abs(x)
    if kind == "even":
        x = rng.choice([-1, 1, 0, 0.5], shape) * rng.uniform(0.1, 3)
    x[rng.random(shape[0]) < 0.2] = 0
    return x.astype(np.float32)


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(("any", "whole", "positive", "negative", "even")),
    weights=st.sampled_from(("int8", "int8", "uint8")),
    channels=st.booleans(),
    asymmetric=st.booleans(),
    rounding=st.sampled_from(("litert", "xnnpack", "tflite-micro")),
    **layers,
)
def test_bytes_of_int8_weights_are_those_of_litert(seed, kind, rounding, **layer):
    rng = np.random.default_rng(seed)
    data = hybrid(rng, **layer)
    x = rows_of(rng, (layer["rows"], layer["depth"]), kind)
    runtimes.equal(data, x, runtimes.builtin_ref(data)(x), rounding)


def test_weights_of_minus_128_are_multiplied_rightly():
    weights = build.constant(np.full((1, 32), -128), "int8", 1.0)
    tensors = [build.tensor((1, 32)), weights, build.tensor((1, 1))]
    data = build.model(tensors, [("FULLY_CONNECTED", [0, 1, -1], 2, {})])
    x = np.full((1, 32), -127, np.float32)
    for engine in runtimes.engines(data).values():
        assert engine.run(x) == 32 * 127 * 128


def test_a_zero_point_between_two_numbers_is_that_of_litert():
    """Of -a and a it is -0.5, but for the last bits of a double."""
    rng = np.random.default_rng(2)
    data = hybrid(rng, rows=1, depth=2, outputs=1)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    for a in rng.uniform(0.1, 10, 300):
        x = np.array([[-a, a]], np.float32)
        runtimes.agree(engines, x, litert(x))


@pytest.mark.parametrize("depth", [3, 19])
@pytest.mark.parametrize("asymmetric", [False, True])
def test_halves_of_a_row_go_where_litert_sends_them(asymmetric, depth):
    """Half of the greatest number is 127.5 steps of 255, or 63.5 of 127."""
    tensors = [
        build.tensor((1, depth)),
        build.constant(np.eye(depth), "int8", 1.0),
        build.tensor((1, depth)),
    ]
    options = {"asymmetricQuantizeInputs": asymmetric}
    data = build.model(tensors, [("FULLY_CONNECTED", [0, 1, -1], 2, options)])
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    rng = np.random.default_rng(6)
    for size in rng.uniform(0.01, 3, 200):
        x = rng.choice([0.5, 1, 0, -0.5, 0.25], (1, depth))
        x[0, 0] = 1
        x = (x * size).astype(np.float32)
        runtimes.agree(engines, x, litert(x))


@pytest.mark.parametrize("asymmetric", [False, True])
def test_rows_that_are_not_finite_or_tiny_are_the_same_everywhere(asymmetric):
    data = hybrid(np.random.default_rng(4), rows=5, depth=3, asymmetric=asymmetric)
    big = np.finfo(np.float32).max
    rows = [[np.nan] * 3, [1, np.nan, -1], [np.inf, 1, 0], [big, -big, 1], [1e-45, 0, -1e-45]]
    x = np.array(rows, np.float32)
    answers = [
        backend.open_session(read(data), data).run([x])[0] for backend in (reference, native)
    ]
    assert bytes(answers[0]) == bytes(answers[1])


pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    op=st.sampled_from(("CONV_2D", "DEPTHWISE_CONV_2D")),
    size=st.tuples(st.integers(1, 3), st.integers(1, 11), st.integers(1, 11)),
    window=pairs,
    strides=pairs,
    dilation=pairs,
    groups=st.integers(1, 2),
    depth=st.integers(1, 20),
    each=st.integers(1, 5),
    channels=st.booleans(),
    activation=st.integers(0, 3),
    positive=st.booleans(),
    rounding=st.sampled_from(("litert", "xnnpack", "tflite-micro")),
)
def test_bytes_of_convolutions_are_those_of_litert(seed, op, positive, rounding, **options):
    rng = np.random.default_rng(seed)
    # LiteRT reads a scale for each output where there are groups or one for each channel.
    options["channels"] |= op != "CONV_2D" or options["groups"] > 1
    data = convolution(rng, op, **options)
    x = rng.normal(size=read(data).tensors[0].shape) * 10.0 ** rng.integers(-2, 3)
    x[rng.random(len(x)) < 0.2] = 0
    x = (np.abs(x) if positive else x).astype(np.float32)
    runtimes.equal(data, x, runtimes.builtin_ref(data)(x), rounding)


@pytest.mark.parametrize("model", CONVOLUTIONS)
def test_images_that_are_not_finite_are_the_same_everywhere(model):
    data = CONVOLUTIONS[model]
    shape = read(data).tensors[0].shape
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    x[0, 0, 0, 0], x[1, 0, 0, :2] = np.nan, (np.inf, 3e38)
    answers = [
        backend.open_session(read(data), data).run([x])[0] for backend in (reference, native)
    ]
    assert bytes(answers[0]) == bytes(answers[1])


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_a_bias_may_be_left_out_and_one_scale_may_stand_for_all(op):
    """LiteRT refuses the one, and reads past its only scale in the other."""
    x = np.random.default_rng(5).normal(size=(2, 5, 4, 3)).astype(np.float32)
    outputs = 1 if op == "CONV_2D" else 3
    tensors = [
        build.tensor(x.shape),
        build.tensor((1, 1, 1, 3), "int8", 0.5, data=np.array([[[[3, 2, -5]]]], np.int8)),
        build.tensor((*x.shape[:3], outputs)),
    ]
    options = {"strideH": 1, "strideW": 1}
    data = build.model(tensors, [(op, [0, 1], 2, options)])
    weights = np.array([1.5, 1, -2.5])
    exact = (x @ weights)[..., None] if op == "CONV_2D" else x * weights
    for engine in runtimes.engines(data).values():
        np.testing.assert_allclose(engine.run(x), exact, atol=np.abs(x).max() / 127 * 5)


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_uint8_weights_are_refused(op):
    tensors = [
        build.tensor((1, 4, 4, 1)),
        build.tensor((1, 1, 1, 1), "uint8", 0.5, data=np.ones((1, 1, 1, 1), np.uint8)),
        build.tensor((1, 4, 4, 1), name="y"),
    ]
    data = build.model(tensors, [(op, [0, 1], 2, {"strideH": 1, "strideW": 1})])
    with pytest.raises(ModelError, match=f"{op} 'y': activations and weights are both float32"):
        plan(read(data))
