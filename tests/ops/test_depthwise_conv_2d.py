"""DEPTHWISE_CONV_2D: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from micro_arithmetic import bounds, int32, multiply, quantize_multiplier
from runtimes import agree, drawn, equal, f32

BIASES = {"int8": "int32", "uint8": "int32", "int16": "int64", "float32": "float32"}
SAME, VALID = 0, 1


def layer(
    rng,
    dtype="int8",
    *,
    shape=(1, 5, 6, 3),
    window=(3, 3),
    multiplier=1,
    strides=(1, 1),
    dilations=(1, 1),
    padding=SAME,
    activation=0,
    per_channel=False,
    bias=True,
    zero_points=(3, 0, -5),
    scales=None,
    gain=1.0,
):
    """A model of one layer, whose outputs fill their range when ``gain`` is about 1.

    Args:
        zero_points: of input, weights (of uint8 alone) and output.
        scales: of input, of each output's weights, and of the output; drawn if there are none.
    """
    outputs = shape[3] * multiplier
    floating, wide = dtype == "float32", dtype == "int16"
    kind = dtype if floating or dtype == "uint8" else "int8"
    weights = drawn(rng, kind, (1, *window, outputs))
    zero_points = (0, 0, 0) if wide or floating else zero_points
    if scales is None:
        step = f32(rng.uniform(0.5, 2) * 6 / (2**15 if wide else 128))
        several = [f32(s) for s in rng.uniform(0.001, 0.05, outputs if per_channel else 1)]
        spread = np.sqrt(window[0] * window[1]) * 75 * np.mean(several)
        scales = step, several, f32(step * spread / gain)
    if floating:
        scales = 0.0, 0.0, 0.0
    step, several, output = scales
    edges = [0 if padding == SAME else (w - 1) * d for w, d in zip(window, dilations, strict=True)]
    size = [-(-(n - e) // s) for n, e, s in zip(shape[1:3], edges, strides, strict=True)]
    tensors = [
        build.tensor(shape, dtype, step, zero_points[0], name="x"),
        build.tensor(
            weights.shape, kind, several, zero_points[1] if kind == "uint8" else 0, weights,
            name="w", axis=3,
        ),
        build.tensor((shape[0], *size, outputs), dtype, output, zero_points[2], name="y"),
    ]
    if bias:
        limit = 40 * (2**15 if wide else 128)
        data = drawn(rng, dtype, (outputs,)) if floating else rng.integers(-limit, limit, outputs)
        data = data.astype(BIASES[dtype])
        products = 0.0 if floating else build.products(step, several)
        tensors.append(build.tensor((outputs,), BIASES[dtype], products, data=data, name="b"))
    options = {
        "padding": padding,
        "strideH": strides[0],
        "strideW": strides[1],
        "dilationHFactor": dilations[0],
        "dilationWFactor": dilations[1],
        "depthMultiplier": multiplier,
        "fusedActivationFunction": activation,
    }
    return build.model(tensors, [("DEPTHWISE_CONV_2D", [0, 1, 3] if bias else [0, 1], 2, options)])


def seeds():
    rng = np.random.default_rng(3)
    return {
        "depthwise int8": layer(rng, shape=(1, 4, 4, 3), per_channel=True, activation=1),
        "depthwise int8, a channel": layer(rng, shape=(1, 5, 3, 1), multiplier=4, strides=(2, 1)),
        "depthwise int8, wide": layer(rng, shape=(1, 3, 2, 37), window=(3, 1), bias=False),
        "depthwise uint8": layer(rng, "uint8", zero_points=(130, 120, 7), dilations=(2, 1)),
        "depthwise int16": layer(rng, "int16", per_channel=True, multiplier=2, padding=VALID),
        "depthwise float32": layer(rng, "float32", activation=3),
    }


SEEDS = seeds()


@st.composite
def layers(draw, *dtypes):
    """Arguments of ``layer``; its rng comes from the seed."""
    window = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)) | st.sampled_from([(9, 1), (1, 7)]))
    dilations = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 3), (4, 1)]))
    padding = draw(st.sampled_from((SAME, VALID)))
    least = [1, 1]
    if padding == VALID:
        least = [(w - 1) * d + 1 for w, d in zip(window, dilations, strict=True)]
    size = [low + draw(st.integers(0, 6)) for low in least]
    channels, multiplier = draw(
        st.tuples(st.integers(1, 20) | st.integers(30, 70), st.just(1))
        | st.tuples(st.integers(1, 5), st.integers(2, 5))
        | st.tuples(st.just(1), st.integers(1, 40))
    )
    dtype = draw(st.sampled_from(dtypes))
    low, high = (0, 255) if dtype == "uint8" else (-128, 127)
    zero_point = st.sampled_from((low, low + 1, high)) | st.integers(low, high)
    return draw(st.integers(0, 2**32 - 1)), {
        "dtype": dtype,
        "shape": (draw(st.integers(1, 2)), *size, channels),
        "window": window,
        "multiplier": multiplier,
        "strides": draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 2), (3, 1)])),
        "dilations": dilations,
        "padding": padding,
        "activation": draw(st.integers(0, 3)),
        "per_channel": dtype in ("int8", "int16") and draw(st.booleans()),
        "bias": draw(st.booleans()),
        "zero_points": draw(st.tuples(zero_point, zero_point, zero_point)),
        "gain": draw(st.sampled_from((0.01, 1.0, 1.0, 1.0, 30.0))),
    }


@settings(max_examples=150, deadline=None)
@given(drawn_layer=layers("int8", "int8", "uint8", "int16", "float32"))
def test_bytes_are_those_of_litert(drawn_layer):
    seed, kinds = drawn_layer
    rng = np.random.default_rng(seed)
    data = layer(rng, **kinds)
    x = drawn(rng, kinds["dtype"], kinds["shape"])
    equal(data, x, runtimes.builtin_ref(data)(x))


@settings(max_examples=80, deadline=None)
@given(drawn_layer=layers("int8"))
def test_a_float_factor_gives_the_bytes_of_xnnpack(drawn_layer):
    seed, kinds = drawn_layer
    rng = np.random.default_rng(seed)
    # Without a bias LiteRT's optimised kernels crash.
    data = layer(rng, **{**kinds, "bias": True})
    x = drawn(rng, kinds["dtype"], kinds["shape"])
    equal(data, x, runtimes.xnnpack(data)(x), "xnnpack")
