"""TRANSPOSE_CONV: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import drawn, equal, f32

SAME, VALID = 0, 1
BIASES = {"int8": "int32", "uint8": "int32", "int16": "int64", "float32": "float32"}
STATED = {"int32": 2, "int64": 4}
"""Members of TensorType."""


def layer(
    rng,
    dtype="int8",
    *,
    shape=(1, 3, 4, 3),
    window=(3, 3),
    outputs=5,
    strides=(2, 2),
    padding=SAME,
    beyond=(1, 1),
    activation=0,
    per_channel=False,
    bias=True,
    stated=None,
    zero_points=None,
    gain=1.0,
    scales=None,
):
    """A model of one layer, whose outputs fill their range when ``gain`` is about 1.

    Args:
        beyond: rows and columns that the output has more than its least, below the strides.
        stated: type of an int16 layer's bias, as the option has it.
        zero_points: of input, weights (of uint8 alone) and output.
        scales: of input, of each output's weights, and of the output; drawn if there are none.
    """
    floating, wide = dtype == "float32", dtype == "int16"
    kind = dtype if floating or dtype == "uint8" else "int8"
    weights = drawn(rng, kind, (outputs, *window, shape[3]))
    if wide or floating:
        zero_points = (0, 0, 0)
    elif zero_points is None:
        zero_points = (130, 120, 7) if dtype == "uint8" else (3, 0, -5)
    if scales is None:
        step = f32(rng.uniform(0.5, 2) * 6 / (2**15 if wide else 128))
        several = [f32(s) for s in rng.uniform(0.001, 0.05, outputs if per_channel else 1)]
        spread = np.sqrt(shape[3] * (1 + window[0] // 2)) * 75 * np.mean(several)
        scales = step, several, f32(step * spread / gain)
    if floating:
        scales = 0.0, 0.0, 0.0
    step, several, output = scales
    size = [
        (n - 1) * stride + (taps if padding == VALID else 1) + min(more, stride - 1)
        for n, stride, taps, more in zip(shape[1:3], strides, window, beyond, strict=True)
    ]
    target = [shape[0], *size, outputs]
    tensors = [
        build.tensor(shape, dtype, step, zero_points[0], name="x"),
        build.constant(target, "int32", name="shape"),
        build.tensor(
            weights.shape,
            kind,
            several,
            zero_points[1] if kind == "uint8" else 0,
            weights,
            name="w",
        ),
        build.tensor(target, dtype, output, zero_points[2], name="y"),
    ]
    if bias:
        limit = 40 * (2**15 if wide else 128)
        data = drawn(rng, dtype, (outputs,)) if floating else rng.integers(-limit, limit, outputs)
        kind = stated or BIASES[dtype]
        products = 0.0 if floating else build.products(step, several)
        tensors.append(build.tensor((outputs,), kind, products, data=data.astype(kind), name="b"))
    options = {
        "padding": padding,
        "strideH": strides[0],
        "strideW": strides[1],
        "fusedActivationFunction": activation,
        "quantizedBiasType": STATED.get(stated, 0),
    }
    return build.model(
        tensors, [("TRANSPOSE_CONV", [1, 2, 0, 4] if bias else [1, 2, 0], 3, options)]
    )


def seeds():
    rng = np.random.default_rng(3)
    return {
        "transposed int8": layer(rng, per_channel=True, activation=1),
        "transposed int8, no bias": layer(rng, window=(2, 1), strides=(2, 1), bias=False),
        "transposed uint8": layer(rng, "uint8", padding=VALID),
        "transposed int16": layer(rng, "int16", per_channel=True, window=(1, 4)),
        "transposed int16, int32 bias": layer(rng, "int16", stated="int32"),
        "transposed float32": layer(rng, "float32", activation=3, beyond=(1, 0)),
    }


SEEDS = seeds()


@st.composite
def layers(draw, *dtypes):
    """A seed, and arguments of ``layer``."""
    dtype = draw(st.sampled_from(dtypes))
    low, high = (0, 255) if dtype == "uint8" else (-128, 127)
    zero_point = st.sampled_from((low, low + 1, high)) | st.integers(low, high)
    pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
    return draw(st.integers(0, 2**32 - 1)), {
        "dtype": dtype,
        "shape": (draw(st.integers(1, 2)), *draw(pair), draw(st.integers(1, 20))),
        "window": draw(pair | st.sampled_from([(9, 1), (1, 7)])),
        "outputs": draw(st.integers(1, 9)),
        "strides": draw(st.sampled_from([(1, 1), (2, 2), (2, 2), (1, 2), (3, 1), (4, 4)])),
        "padding": draw(st.sampled_from((SAME, VALID))),
        "beyond": draw(st.tuples(st.integers(0, 3), st.integers(0, 3))),
        "activation": draw(st.integers(0, 3)),
        "per_channel": dtype in ("int8", "int16") and draw(st.booleans()),
        "bias": draw(st.booleans()),
        "stated": draw(st.sampled_from((None, "int32", "int64"))) if dtype == "int16" else None,
        "zero_points": draw(st.tuples(zero_point, zero_point, zero_point)),
        "gain": draw(st.sampled_from((0.01, 1.0, 1.0, 1.0, 30.0))),
    }


@settings(max_examples=120, deadline=None)
@given(drawn_layer=layers("int8", "uint8", "int16", "int16", "float32"))
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
    data = layer(rng, **kinds)
    x = drawn(rng, kinds["dtype"], kinds["shape"])
    equal(data, x, runtimes.xnnpack(data)(x), "xnnpack")
