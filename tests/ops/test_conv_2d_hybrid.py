"""CONV_2D and DEPTHWISE_CONV_2D of float32 with int8 weights: every engine against LiteRT."""

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

SAME, VALID = range(2)


def positions(padding, size, taps, stride, dilation):
    """Positions of a window; it fits."""
    return -(-(size if padding == SAME else size - (taps - 1) * dilation) // stride)


def layer(
    rng,
    op="CONV_2D",
    *,
    size=(2, 7, 6),
    window=(3, 3),
    strides=(1, 1),
    dilation=(1, 1),
    groups=1,
    depth=3,
    each=2,
    channels=True,
    with_bias=True,
    activation=0,
):
    """A model of one layer; groups of ``depth`` channels have ``each`` outputs."""
    spans = [(taps - 1) * step + 1 for taps, step in zip(window, dilation, strict=True)]
    padding = VALID if all(a <= b for a, b in zip(spans, size[1:], strict=True)) else SAME
    inputs, outputs, axis = depth * groups, each * groups, 0
    shape = (outputs, *window, depth)
    if op != "CONV_2D":
        inputs, outputs, axis = depth, depth * each, 3
        shape = (1, *window, outputs)
    scales = rng.uniform(0.001, 0.05, outputs if channels else 1).astype("f4").tolist()
    sides = zip(size[1:], window, strides, dilation, strict=True)
    tensors = [
        build.tensor((*size, inputs)),
        # LiteRT's vector code takes -(-128) for -128.
        build.tensor(
            shape, "int8", scales, data=rng.integers(-127, 128, shape).astype(np.int8), axis=axis
        ),
        build.constant(rng.normal(size=outputs) if with_bias else np.zeros(outputs), "float32"),
        build.tensor((size[0], *(positions(padding, *side) for side in sides), outputs), name="y"),
    ]
    options = {
        "padding": padding,
        **dict(zip(("strideH", "strideW"), strides, strict=True)),
        **dict(zip(("dilationHFactor", "dilationWFactor"), dilation, strict=True)),
        "fusedActivationFunction": activation,
    }
    if op != "CONV_2D":
        options["depthMultiplier"] = each
    return build.model(tensors, [(op, [0, 1, 2], 3, options)])


def seeds():
    rng = np.random.default_rng(7)
    return {
        "conv hybrid": layer(rng, channels=False, activation=1),
        "conv hybrid per channel": layer(rng, strides=(2, 1)),
        "conv hybrid groups": layer(rng, groups=2, dilation=(2, 1)),
        "depthwise hybrid": layer(rng, "DEPTHWISE_CONV_2D", depth=21, each=1),
        "depthwise hybrid multiplied": layer(rng, "DEPTHWISE_CONV_2D", strides=(2, 2)),
    }


SEEDS = seeds()

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
def test_bytes_are_those_of_litert(seed, op, positive, rounding, **options):
    rng = np.random.default_rng(seed)
    # LiteRT reads a scale for each output where there are groups or one for each channel.
    options["channels"] |= op != "CONV_2D" or options["groups"] > 1
    data = layer(rng, op, **options)
    x = rng.normal(size=read(data).tensors[0].shape) * 10.0 ** rng.integers(-2, 3)
    x[rng.random(len(x)) < 0.2] = 0
    x = (np.abs(x) if positive else x).astype(np.float32)
    runtimes.equal(data, x, runtimes.builtin_ref(data)(x), rounding)


@pytest.mark.parametrize("model", SEEDS)
def test_images_that_are_not_finite_are_the_same_everywhere(model):
    data = SEEDS[model]
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
    with pytest.raises(ModelError, match=f"{op} 'y': int8 weights with float32"):
        plan(read(data))
