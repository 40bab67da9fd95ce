"""TRANSPOSE_CONV: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import trials
from edge_runtime import ModelError, ops
from edge_runtime.reader import read
from micro_arithmetic import bounds, int32, multiply, quantize_multiplier, reduced
from runtimes import agree, drawn, equal, f32
from trials import Trial, between

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
    option=None,
    target=None,
):
    """A model of one layer, whose outputs fill their range when ``gain`` is about 1.

    Args:
        beyond: rows and columns that the output has more than its least, below the strides.
        stated: type of an int16 layer's bias, as the option has it.
        zero_points: of input, weights (of uint8 alone) and output.
        bias: "any": biases of any size.
        scales: of input, of each output's weights, and of the output; drawn if there are none.
        option: the type of the bias in the options, if not ``stated``.
        target: shape of the output, if not the one that follows.
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
    target = target or [shape[0], *size, outputs]
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
        limit = 2**31 if bias == "any" else 40 * (2**15 if wide else 128)
        data = drawn(rng, dtype, (outputs,)) if floating else rng.integers(-limit, limit, outputs)
        kind = stated or BIASES[dtype]
        products = 0.0 if floating else [min(step * one, 3e38) for one in several]
        tensors.append(build.tensor((outputs,), kind, products, data=data.astype(kind), name="b"))
    options = {
        "padding": padding,
        "strideH": strides[0],
        "strideW": strides[1],
        "fusedActivationFunction": activation,
        "quantizedBiasType": STATED.get(stated, 0) if option is None else option,
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


def trial(dtype):
    """Return what draws a trial of a kernel: windows that overlap or not, outputs beside them."""

    def draw(rng):
        batches, height, width = (between(rng, 1, most) for most in (2, 5, 7))
        channels, outputs = between(rng, 1, 20), between(rng, 1, 40)
        window = between(rng, 1, 5), between(rng, 1, 8)
        strides = between(rng, 1, 3), between(rng, 1, 3)
        sizes = [
            (n - 1) * stride + between(rng, 1, taps + 2)
            for n, stride, taps in zip((height, width), strides, window, strict=True)
        ]
        starts = [between(rng, 0, taps - 1) for taps in window]
        shape = (outputs, *window, channels)
        params = [batches, height, width, channels, *sizes, outputs, *window, *strides, *starts]
        input_size, output_size = batches * height * width * channels, batches * sizes[0] * sizes[1]
        if dtype == "float32":
            kind = rng.integers(8)
            image, weights, bias = (
                trials.float32s(rng, count, kind)
                for count in (input_size, int(np.prod(shape)), outputs)
            )
            limits = np.sort(rng.normal(size=2)) * (3, np.inf)[rng.integers(2)]
            bounds = [0, 0, 0, *limits.astype(np.float32).view(np.int32).tolist()]
            tensors = [image, weights, bias]
            return Trial([*params, *bounds], tensors, [1, 2], [4 * output_size * outputs])
        image, weights = trials.int8s(rng, input_size), trials.int8s(rng, int(np.prod(shape)))
        low = -128 if dtype == "int8" else 0
        zero_points = [between(rng, low, low + 255) for _ in range(3)]
        zero_points[1] *= dtype == "uint8"
        bounds = sorted(between(rng, low, low + 255) for _ in range(2))
        depth = window[0] * window[1] * channels
        tensors = [image, weights, *trials.rescaling(rng, depth, outputs)]
        return Trial(
            [*params, *zero_points, *bounds], tensors, [1, 2, 3, 4], [output_size * outputs]
        )

    return draw


TRIALS = {
    "transpose_conv_float32": trial("float32"),
    "transpose_conv_int8_twice": trial("int8"),
    "transpose_conv_uint8_twice": trial("uint8"),
}


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


@settings(max_examples=50, deadline=None)
@given(drawn_layer=layers("int8", "uint8", "int16", "int16", "float32"))
def test_bytes_are_those_of_litert(drawn_layer):
    seed, kinds = drawn_layer
    rng = np.random.default_rng(seed)
    data = layer(rng, **kinds)
    x = drawn(rng, kinds["dtype"], kinds["shape"])
    equal(data, x, runtimes.builtin_ref(data)(x))


@settings(max_examples=50, deadline=None)
@given(drawn_layer=layers("int8"))
def test_a_float_factor_gives_the_bytes_of_xnnpack(drawn_layer):
    seed, kinds = drawn_layer
    rng = np.random.default_rng(seed)
    data = layer(rng, **kinds)
    x = drawn(rng, kinds["dtype"], kinds["shape"])
    # LiteRT's own vector kernels are not followed where XNNPACK refuses.
    beyond = any(
        stride > taps for stride, taps in zip(kinds["strides"], kinds["window"], strict=True)
    )
    peer = runtimes.builtin_ref if beyond and kinds["padding"] == SAME else runtimes.xnnpack
    equal(data, x, peer(data)(x), "xnnpack")


def micro(data, x):
    """TRANSPOSE_CONV of TFLite Micro (transpose_conv.cc) with VALID padding."""
    graph = read(data)
    op, output = graph.ops[0], graph.tensors[graph.outputs[0]]
    weights, bias = graph.tensors[op.inputs[1]], graph.tensors[op.inputs[3]]
    w = np.frombuffer(weights.data, np.int8).reshape(weights.shape).tolist()
    wide = x.dtype == np.int16
    totals = np.zeros(output.shape, object) + np.frombuffer(bias.data, bias.dtype).astype(object)
    quantization = graph.tensors[graph.inputs[0]].quantization
    (scale,), (zero_point,) = quantization.scales, quantization.zero_points
    for batch, row, column, channel in np.ndindex(*x.shape):
        value = int(x[batch, row, column, channel]) - zero_point
        for o, i, j in np.ndindex(*weights.shape[:3]):
            y, z = row * op.options["stride_h"] + i, column * op.options["stride_w"] + j
            totals[batch, y, z, o] += value * w[o][i][j][channel]
    step = output.quantization.scales[0], output.quantization.zero_points[0]
    low, high = bounds(op.options["fused_activation"], step, 8 * x.itemsize)
    answer = np.zeros(output.shape, x.dtype)
    for at in np.ndindex(*output.shape):
        scales = weights.quantization.scales
        pair = quantize_multiplier(scale * scales[at[3] if len(scales) > 1 else 0] / step[0])
        total = int(totals[at])
        scaled = reduced(total, *pair) if wide else multiply(int32(total), *pair)
        answer[at] = min(max(int32(scaled + step[1]), low), high)
    return answer


@settings(max_examples=20, deadline=None)
@given(drawn_layer=layers("int8", "int16"))
def test_rounding_twice_is_what_tflite_micro_calculates(drawn_layer):
    seed, kinds = drawn_layer
    rng = np.random.default_rng(seed)
    shape = (1, *kinds["shape"][1:3], min(kinds["shape"][3], 3))
    kinds |= {"padding": VALID, "shape": shape, "outputs": min(kinds["outputs"], 3), "bias": True}
    data = layer(rng, **kinds)
    x = drawn(rng, kinds["dtype"], shape)
    equal(data, x, micro(data, x), "tflite-micro")


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("factor", [4.9e-24, 2.0**-32, 3e-10, 1e-3, 0.75, 2.0, 900.0, 1.2e4, 1.2e7])
def test_factors_of_any_size_and_biases_that_wrap(factor, dtype):
    rng = np.random.default_rng(5)
    scales = f32(0.5), [f32(min(factor, 12000) if dtype == "int16" else factor)], f32(0.5)
    for stated in ("int32", "int64") if dtype == "int16" else (None,):
        data = layer(rng, dtype, shape=(1, 2, 3, 19), scales=scales, bias="any", stated=stated)
        x = drawn(rng, dtype, (1, 2, 3, 19))
        equal(data, x, runtimes.builtin_ref(data)(x))


def test_a_shape_that_follows_from_the_input_is_known():
    """As Keras exports it: the batch of the input, the rest constant."""
    rng = np.random.default_rng(9)
    tensors = [
        build.tensor((1, 2, 3, 4)),
        build.tensor((4,), "int32"),
        *(build.constant([value], "int32") for value in (0, 1)),
        build.tensor((), "int32"),
        *(build.constant(size, "int32") for size in (4, 6, 5)),
        build.tensor((4,), "int32"),
        build.constant(rng.normal(size=(5, 3, 3, 4)), "float32"),
        build.tensor((1, 4, 6, 5)),
    ]
    for index in 0, 10:
        tensors[index].shapeSignature = [-1, *tensors[index].shape[1:]]
    ops = [
        ("SHAPE", [0], 1, {"outType": 2}),
        ("STRIDED_SLICE", [1, 2, 3, 3], 4, {"shrinkAxisMask": 1}),
        ("PACK", [4, 5, 6, 7], 8, {"valuesCount": 4}),
        ("TRANSPOSE_CONV", [8, 9, 0], 10, {"strideH": 2, "strideW": 2}),
    ]
    data = build.model(tensors, ops)
    x = drawn(rng, "float32", (3, 2, 3, 4))
    runtimes.equal_one_by_one(data, x)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({"padding": 2}, "from 1 to 2**28; here it is padding 2, stride 2"),
        ({"strides": (0, 1), "target": (1, 1, 4, 5)}, "here it is SAME, stride 0"),
        ({"activation": 4}, "the fused activation is NONE, RELU, RELU_N1_TO_1 or RELU6"),
        ({"scales": (1.0, [2.0**30], 1.0)}, "below 2**30, of int16 below 2**14; here it is 1073"),
        ({"dtype": "int16", "scales": (1.0, [2.0**14], 1.0)}, "of int16 below 2**14"),
        ({"dtype": "int16", "option": 2}, "quantized_bias_type of int16 is the bias' type"),
        ({"dtype": "int16", "stated": "int32", "option": 0}, "here it is type 0 and int32"),
        ({"scales": (1.0, [], 1.0)}, "'w': None"),
        ({"target": (1, 9, 9, 5)}, "has the input's size; here it is [5, 5], not [3, 4]"),
        ({"target": (2, 6, 8, 5)}, "the shape ends in outputs; here it is int8 [1, 3, 4, 3]"),
        ({"target": (1, 6, 8)}, "is a constant of 4 int32"),
    ],
)
def test_limits_are_told(kinds, message):
    assert message in runtimes.refused(layer(np.random.default_rng(0), **kinds))


powers = st.tuples(*[st.integers(-20, 20)] * 3) | st.tuples(*[st.integers(-120, 120)] * 3)


@settings(max_examples=30, deadline=None)
@given(drawn_layer=layers("int8", "uint8", "int16"), powers=powers)
def test_any_scales_are_refused_or_native_equals_reference(drawn_layer, powers):
    seed, kinds = drawn_layer
    rng = np.random.default_rng(seed)
    step, several, output = (f32(1.37 * 2.0**power) for power in powers)
    data = layer(rng, **kinds, scales=(step, [several], output))
    x = drawn(rng, kinds["dtype"], kinds["shape"])
    for rounding in ops.ROUNDINGS:
        with suppress(ModelError):
            engines = runtimes.engines(data, rounding=rounding)
            agree(engines, x, engines["reference"].run(x))
