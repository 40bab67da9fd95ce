"""CONV_2D: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from runtimes import equal, f32

SAME, VALID = 0, 1
"""Padding in the schema."""
BIASES = {
    "int8": ("int32", None),
    "uint8": ("int32", None),
    "int16": ("int64", "int32", None),
    "float32": ("float32", None),
}
INT32, INT64 = 2, 4
"""TensorType in the schema."""


def convolution(
    rng,
    dtype="int8",
    *,
    image=(1, 5, 6, 3),
    window=(3, 3),
    outputs=4,
    groups=1,
    strides=(1, 1),
    dilation=(1, 1),
    padding=SAME,
    activation=0,
    bias=0,
    per_channel=False,
    zero_point=0,
    gain=1.0,
):
    """A model of one op whose outputs fill their range when ``gain`` is about 1.

    ``bias`` chooses one of BIASES; LiteRT needs one, so where there is none it reads zeros.
    """
    shape = (outputs, *window, image[3] // groups)
    depth = int(np.prod(shape[1:]))
    options = {
        "padding": padding,
        "strideH": strides[0],
        "strideW": strides[1],
        "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1],
        "fusedActivationFunction": activation,
    }
    kind = BIASES[dtype][bias]
    if dtype == "float32":
        weights = build.constant(rng.normal(size=shape), "float32", name="w")
        tensors = [build.tensor(image, name="x"), weights]
        if kind:
            tensors.append(build.constant(rng.normal(size=outputs), kind, name="b"))
        quantization = ("float32",)
    else:
        steps = 2**15 if dtype == "int16" else 128
        scale = f32(6 / steps)
        scales = [f32(s) for s in rng.uniform(0.001, 0.05, outputs if per_channel else 1)]
        low, at = (0, 128) if dtype == "uint8" else (-128, 0)
        if dtype == "int16":
            zero_point = 0
        spread = 3 * np.mean(scales) * 64 * np.sqrt(depth)
        output = f32(max(spread / steps / gain, scale * max(scales) * 2.0**-20))
        tensors = [
            build.tensor(image, dtype, scale, zero_point + at, name="x"),
            build.tensor(
                shape,
                "int8" if dtype == "int16" else dtype,
                scales,
                int(rng.integers(256)) if dtype == "uint8" else 0,
                data=rng.integers(low, low + 256, shape).astype(
                    "int8" if dtype == "int16" else dtype
                ),
                name="w",
            ),
        ]
        limit = int(40 * steps / gain)
        if kind:
            numbers = rng.integers(-limit, limit, outputs)
            scales = build.products(scale, scales if per_channel else scales[0])
            tensors.append(build.constant(numbers, kind, scales, name="b"))
        if dtype == "int16":
            options["quantizedBiasType"] = {"int32": INT32, "int64": INT64, None: 0}[kind]
        quantization = (dtype, output, at - zero_point // 2)
    lengths = [(taps - 1) * one + 1 for taps, one in zip(window, dilation, strict=True)]
    places = [
        -(-(size - (length - 1) * padding) // stride)
        for size, length, stride in zip(image[1:3], lengths, strides, strict=True)
    ]
    tensors.append(build.tensor((image[0], *places, outputs), *quantization, name="y"))
    read_ = [0, 1, 2 if kind else -1]
    return build.model(tensors, [("CONV_2D", read_, len(tensors) - 1, options)])


def seeds():
    rng = np.random.default_rng(7)
    return {
        "conv int8": convolution(rng, per_channel=True, zero_point=-3, activation=1),
        "conv int8 1x1": convolution(
            rng, image=(2, 3, 3, 8), window=(1, 1), outputs=17, padding=VALID
        ),
        "conv int8 groups": convolution(
            rng, image=(1, 4, 4, 6), groups=3, outputs=6, strides=(2, 1), dilation=(1, 2)
        ),
        "conv uint8": convolution(rng, "uint8", zero_point=5, strides=(2, 2), activation=3),
        "conv int16": convolution(rng, "int16", per_channel=True, window=(2, 3)),
        "conv int16, int32 bias": convolution(rng, "int16", bias=1, padding=VALID),
        "conv float32": convolution(rng, "float32", strides=(2, 2), activation=3),
        "conv float32 no bias": convolution(rng, "float32", bias=1, window=(1, 1), outputs=3),
    }


SEEDS = seeds()


def drawn(rng, dtype, shape):
    """Numbers of the whole range, or its ends."""
    numbers = runtimes.drawn(rng, dtype, shape)
    if dtype != "float32" and not rng.integers(4):
        limits = np.iinfo(dtype)
        numbers = rng.choice(np.array([limits.min, limits.max], dtype), shape)
    return numbers


@st.composite
def layers(draw):
    """Arguments of ``convolution`` for which there is an output, and a seed."""
    padding, groups = draw(st.sampled_from((SAME, VALID))), draw(st.sampled_from((1, 1, 1, 2, 3)))
    window = draw(
        st.sampled_from([(1, 1), (1, 1), (3, 3), (2, 2), (5, 1), (1, 4), (31, 1)])
        | st.tuples(st.integers(1, 5), st.integers(1, 5))
    )
    dilation = draw(st.just((1, 1)) | st.tuples(st.integers(1, 3), st.integers(1, 3)))
    least = [1, 1]
    if padding == VALID:
        least = [(taps - 1) * one + 1 for taps, one in zip(window, dilation, strict=True)]
    rows, columns = (low + draw(st.integers(0, 8)) for low in least)
    return {
        "seed": draw(st.integers(0, 2**32 - 1)),
        "image": (
            draw(st.integers(1, 2)),
            rows,
            columns,
            groups * draw(st.sampled_from((1, 2, 3, 4, 8, 16, 17, 33))),
        ),
        "window": window,
        "outputs": groups * draw(st.integers(1, 20)),
        "groups": groups,
        "strides": draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        "dilation": dilation,
        "padding": padding,
        "activation": draw(st.integers(0, 3)),
        "zero_point": draw(st.sampled_from((-128, 127)) | st.integers(-128, 127)),
        "gain": draw(st.sampled_from((1.0, 1.0, 1.0, 0.01, 30.0))),
        "per_channel": draw(st.booleans()),
    }


@pytest.mark.parametrize(("dtype", "bias"), [("int8", 0), ("int16", 0), ("int16", 1)])
@settings(max_examples=60, deadline=None)
@given(layer=layers())
def test_integers_are_those_of_litert(dtype, bias, layer):
    rng = np.random.default_rng(layer.pop("seed"))
    data = convolution(rng, dtype, bias=bias, **layer)
    x = drawn(rng, dtype, layer["image"])
    equal(data, x, runtimes.builtin_ref(data)(x))


@settings(max_examples=60, deadline=None)
@given(layer=layers())
def test_uint8_is_that_of_litert(layer):
    rng = np.random.default_rng(layer.pop("seed"))
    data = convolution(rng, "uint8", **(layer | {"per_channel": False}))
    x = drawn(rng, "uint8", layer["image"])
    equal(data, x, runtimes.builtin_ref(data)(x))


@settings(max_examples=60, deadline=None)
@given(layer=layers())
def test_float32_is_that_of_litert(layer):
    rng = np.random.default_rng(layer.pop("seed"))
    data = convolution(rng, "float32", **layer)
    x = drawn(rng, "float32", layer["image"])
    equal(data, x, runtimes.builtin_ref(data)(x))


@settings(max_examples=60, deadline=None)
@given(layer=layers())
def test_single_rounding_is_that_of_xnnpack(layer):
    rng = np.random.default_rng(layer.pop("seed"))
    data = convolution(rng, "int8", **layer)
    x = drawn(rng, "int8", layer["image"])
    equal(data, x, runtimes.xnnpack(data)(x), "xnnpack")
