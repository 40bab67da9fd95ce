"""DEPTHWISE_CONV_2D: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import build
import mixed_layers
import runtimes
import trials
from edge_runtime import ModelError, ops
from edge_runtime.planner import plan
from edge_runtime.reader import read
from micro_arithmetic import bounds, int32, multiply, quantize_multiplier, reduced
from runtimes import agree, drawn, equal, f32, near
from trials import Trial, between

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
    zero_points=None,
    scales=None,
    gain=1.0,
    stated=None,
    dynamic=False,
):
    """A model of one layer, whose outputs fill their range when ``gain`` is about 1.

    Args:
        zero_points: of input, weights (of uint8 alone) and output.
        bias: "any": biases of any size.
        scales: of input, of each output's weights, and of the output; drawn if there are none.
        stated: the depth multiplier that the options state, if not the one of the shapes.
        dynamic: whether the batch may have any size.
    """
    outputs = shape[3] * multiplier
    floating, wide = dtype == "float32", dtype == "int16"
    kind = dtype if floating or dtype == "uint8" else "int8"
    weights = drawn(rng, kind, (1, *window, outputs))
    if wide or floating:
        zero_points = (0, 0, 0)
    elif zero_points is None:
        zero_points = (130, 120, 7) if dtype == "uint8" else (3, 0, -5)
    if scales is None:
        step = f32(rng.uniform(0.5, 2) * 6 / (2**15 if wide else 128))
        several = [f32(s) for s in rng.uniform(0.001, 0.05, outputs if per_channel else 1)]
        spread = np.sqrt(window[0] * window[1]) * 75 * np.mean(several)
        scales = step, several, f32(step * spread / gain)
    if floating:
        scales = 0.0, 0.0, 0.0
    step, several, output = scales
    edges = [0 if padding != VALID else (w - 1) * d for w, d in zip(window, dilations, strict=True)]
    size = [
        max(1, -(-(n - e) // max(s, 1))) for n, e, s in zip(shape[1:3], edges, strides, strict=True)
    ]
    tensors = [
        build.tensor(shape, dtype, step, zero_points[0], name="x"),
        build.tensor(
            weights.shape,
            kind,
            several,
            zero_points[1] if kind == "uint8" else 0,
            weights,
            name="w",
            axis=3,
        ),
        build.tensor((shape[0], *size, outputs), dtype, output, zero_points[2], name="y"),
    ]
    if bias:
        limit = 2**31 if bias == "any" else 40 * (2**15 if wide else 128)
        data = drawn(rng, dtype, (outputs,)) if floating else rng.integers(-limit, limit, outputs)
        data = data.astype(BIASES[dtype])
        products = 0.0 if floating else [min(step * one, 3e38) for one in several]
        tensors.append(build.tensor((outputs,), BIASES[dtype], products, data=data, name="b"))
    if dynamic:
        for tensor in tensors[0], tensors[2]:
            tensor.shapeSignature = [-1, *tensor.shape[1:]]
    options = {
        "padding": padding,
        "strideH": strides[0],
        "strideW": strides[1],
        "dilationHFactor": dilations[0],
        "dilationWFactor": dilations[1],
        "depthMultiplier": stated or multiplier,
        "fusedActivationFunction": activation,
    }
    return build.model(tensors, [("DEPTHWISE_CONV_2D", [0, 1, 3] if bias else [0, 1], 2, options)])


def seeds():
    rng = np.random.default_rng(3)
    return {
        "depthwise int8": layer(rng, shape=(1, 4, 4, 3), per_channel=True, activation=1),
        "depthwise int8, a channel": layer(rng, shape=(1, 5, 3, 1), multiplier=4, strides=(2, 1)),
        "depthwise int8, wide": layer(rng, shape=(1, 3, 2, 37), window=(3, 1), bias=False),
        "depthwise uint8": layer(rng, "uint8", dilations=(2, 1)),
        "depthwise int16": layer(rng, "int16", per_channel=True, multiplier=2, padding=VALID),
        "depthwise float32": layer(rng, "float32", activation=3),
    }


SEEDS = {**seeds(), **mixed_layers.depthwise_seeds()}


def geometry(rng):
    """The parameters from batches to padding, and the elements of input, weights, bias, output."""
    window = (
        (between(rng, 1, 5), between(rng, 1, 5)) if rng.integers(8) else (between(rng, 1, 40), 1)
    )
    strides, dilations = ([between(rng, 1, 3) for _ in range(2)] for _ in range(2))
    kind = rng.integers(4)
    channels = between(rng, 1, 9) if kind == 1 else 1 if kind == 0 else between(rng, 8, 70)
    multiplier = between(rng, 1, 40) if kind == 0 else between(rng, 1, 3) if kind == 1 else 1
    same = rng.integers(2)
    size, counts, before = [], [], []
    for taps, stride, dilation in zip(window, strides, dilations, strict=True):
        length = (taps - 1) * dilation + 1
        size.append(between(rng, 0 if same else length - 1, length + 6) + 1)
        counts.append(-(-size[-1] // stride) if same else (size[-1] - length) // stride + 1)
        before.append(max(0, (counts[-1] - 1) * stride + length - size[-1]) // 2)
    batches, outputs = between(rng, 1, 2), channels * multiplier
    params = [batches, *size, channels, multiplier, *counts, *window, *strides, *dilations, *before]
    elements = [batches * size[0] * size[1] * channels, window[0] * window[1] * outputs]
    return params, [*elements, outputs, batches * counts[0] * counts[1] * outputs]


def int8_trial(rng):
    params, (inputs, weights, outputs, elements) = geometry(rng)
    params += int8_params(rng)
    tensors = [trials.int8s(rng, inputs), trials.int8s(rng, weights)]
    tensors += trials.rescaling(rng, weights // outputs, outputs)
    return Trial(params, tensors, range(1, 5), [elements])


def int8_params(rng):
    """Zero points of input and output, and what outputs are clamped to."""
    zero_points = between(rng, -128, 127), between(rng, -128, 127)
    if rng.integers(4) == 0:  # as with RELU
        return [*zero_points, zero_points[1], 127]
    lowest = -128 if rng.integers(2) else between(rng, -128, 127)
    return [*zero_points, lowest, 127 if rng.integers(2) else between(rng, lowest, 127)]


def int8_float_trial(rng):
    params, (inputs, weights, outputs, elements) = geometry(rng)
    params += int8_params(rng)
    tensors = [trials.int8s(rng, inputs), trials.int8s(rng, weights)]
    tensors.append(trials.rescaling(rng, weights // outputs, outputs)[0])
    tensors.append((2.0 ** rng.uniform(-20, 8, outputs)).astype(np.float32))
    return Trial(params, tensors, range(1, 4), [elements])


def uint8_trial(rng):
    params, (inputs, weights, outputs, elements) = geometry(rng)
    lowest = between(rng, 0, 255) if rng.integers(2) else 0
    params += [between(rng, 0, 255) for _ in range(3)]
    params += [lowest, between(rng, lowest, 255) if rng.integers(2) else 255]
    tensors = [trials.int8s(rng, count).view(np.uint8) for count in (inputs, weights)]
    tensors += trials.rescaling(rng, weights // outputs, outputs)
    return Trial(params, tensors, range(1, 5), [elements])


LIMITS = [(-np.inf, np.inf)] * 3 + [(-1, 1), (0, 6), (-0.25, 0.125)]


def float32_trial(rng):
    params, (*counts, elements) = geometry(rng)
    limits = np.array(LIMITS[rng.integers(len(LIMITS))], np.float32).view(np.int32).tolist()
    tensors = [trials.float32s(rng, count, rng.integers(8)) for count in counts]
    return Trial([*params, *limits], tensors, (1, 2), [4 * elements])


def hybrid_trial(rng):
    params, (inputs, weights, outputs, elements) = geometry(rng)
    tensors, bits = trials.hybrid(rng, inputs, weights, outputs)
    return Trial([*params, *bits], tensors, range(1, 4), [4 * elements])


TRIALS = {
    "depthwise_conv_2d_hybrid": hybrid_trial,
    "depthwise_conv_2d_int8_twice": int8_trial,
    "depthwise_conv_2d_int8_float": int8_float_trial,
    "depthwise_conv_2d_uint8_twice": uint8_trial,
    "depthwise_conv_2d_float32": float32_trial,
}


@st.composite
def layers(draw, *dtypes):
    """Arguments of ``layer``; its rng comes from the seed."""
    window = draw(
        st.tuples(st.integers(1, 4), st.integers(1, 4)) | st.sampled_from([(9, 1), (1, 7)])
    )
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


@settings(max_examples=100, deadline=None)
@given(drawn_layer=layers("int8", "int8", "uint8", "int16", "float32"))
def test_bytes_are_those_of_litert(drawn_layer):
    seed, kinds = drawn_layer
    rng = np.random.default_rng(seed)
    data = layer(rng, **kinds)
    x = drawn(rng, kinds["dtype"], kinds["shape"])
    near(data, x, runtimes.builtin_ref(data)(x))


@settings(max_examples=50, deadline=None)
@given(drawn_layer=layers("int8"))
def test_a_float_factor_gives_the_bytes_of_xnnpack(drawn_layer):
    seed, kinds = drawn_layer
    rng = np.random.default_rng(seed)
    # Without a bias LiteRT's optimised kernels crash.
    data = layer(rng, **{**kinds, "bias": True})
    x = drawn(rng, kinds["dtype"], kinds["shape"])
    equal(data, x, runtimes.xnnpack(data)(x), "xnnpack")


def micro(data, x):
    """DEPTHWISE_CONV_2D of TFLite Micro (depthwise_conv.cc), from its description."""
    graph = read(data)
    op, output = graph.ops[0], graph.tensors[graph.outputs[0]]
    weights, *bias = (graph.tensors[index] for index in op.inputs[1:])
    w = np.frombuffer(weights.data, np.int8).reshape(weights.shape).tolist()[0]
    wide = x.dtype == np.int16
    biases = np.frombuffer(bias[0].data, np.int64 if wide else np.int32).tolist() if bias else []
    quantization = graph.tensors[graph.inputs[0]].quantization
    (scale,), (zero_point,) = quantization.scales, quantization.zero_points
    step = output.quantization.scales[0], output.quantization.zero_points[0]
    low, high = bounds(op.options["fused_activation"], step, 8 * x.itemsize)
    answer = np.zeros(output.shape, x.dtype)
    for batch, row, column, o in np.ndindex(*output.shape):
        scales = weights.quantization.scales
        pair = quantize_multiplier(scale * scales[o if len(scales) > 1 else 0] / step[0])
        total = int(biases[o]) if bias else 0
        for i, j in np.ndindex(*weights.shape[1:3]):
            y = row * op.options["stride_h"] + i * op.options["dilation_h"]
            z = column * op.options["stride_w"] + j * op.options["dilation_w"]
            if y < x.shape[1] and z < x.shape[2]:
                channel = o // op.options["depth_multiplier"]
                total += (int(x[batch, y, z, channel]) - zero_point) * w[i][j][o]
        scaled = reduced(total, *pair) if wide else multiply(int32(total), *pair)
        answer[batch, row, column, o] = min(max(int32(scaled + step[1]), low), high)
    return answer


@settings(max_examples=25, deadline=None)
@given(drawn_layer=layers("int8", "int16"))
def test_rounding_twice_is_what_tflite_micro_calculates(drawn_layer):
    seed, kinds = drawn_layer
    rng = np.random.default_rng(seed)
    shape = (1, *kinds["shape"][1:3], min(kinds["shape"][3], 4))
    kinds |= {"padding": VALID, "shape": shape, "multiplier": min(kinds["multiplier"], 3)}
    for axis, (taps, dilation) in enumerate(
        zip(kinds["window"], kinds["dilations"], strict=True), start=1
    ):
        assume(shape[axis] > (taps - 1) * dilation)
    data = layer(rng, **kinds)
    x = drawn(rng, kinds["dtype"], shape)
    equal(data, x, micro(data, x), "tflite-micro")


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("factor", [4.9e-24, 2.0**-32, 3e-10, 1e-3, 0.75, 2.0, 900.0, 1.2e4, 1.2e7])
@pytest.mark.parametrize("channels", [19, 1])
def test_factors_of_any_size_and_biases_that_wrap(factor, dtype, channels):
    rng = np.random.default_rng(5)
    shape, multiplier = (1, 4, 5, channels), 19 // channels
    scales = f32(0.5), [f32(min(factor, 12000) if dtype == "int16" else factor)], f32(0.5)
    data = layer(rng, dtype, shape=shape, multiplier=multiplier, scales=scales, bias="any")
    x = drawn(rng, dtype, shape)
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("dtype", "kernel"), [("int8", "int8_twice"), ("float32", "float32")])
def test_one_channel_is_a_convolution(dtype, kernel, bias):
    rng = np.random.default_rng(8)
    shape, window = (2, 9, 7, 1), (5, 4)
    kinds = {"strides": (2, 1), "bias": bias, "per_channel": dtype == "int8"}
    data = layer(rng, dtype, shape=shape, window=window, multiplier=33, **kinds)
    x = drawn(rng, dtype, shape)
    near(data, x, runtimes.builtin_ref(data)(x))
    assert [step.kernel.name for step in plan(read(data)).steps] == [f"conv_2d_{kernel}"]


@pytest.mark.parametrize("dtype", BIASES)
def test_a_batch_of_any_size_is_run(dtype):
    rng = np.random.default_rng(6)
    data = layer(rng, dtype, shape=(1, 4, 5, 9), strides=(2, 1), dynamic=True)
    x = drawn(rng, dtype, (3, 4, 5, 9))
    litert = runtimes.builtin_ref(data)
    near(data, x, np.concatenate([litert(one[None]) for one in x]))


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (
            {"window": (9, 1), "padding": VALID},
            "the window fits; sizes, strides, dilations are from 1 to 2**28; here it is VALID, "
            "stride 1, dilation 1, 9 taps on 5",
        ),
        ({"padding": 2}, "here it is padding 2, stride 1"),
        ({"strides": (0, 1)}, "here it is SAME, stride 0"),
        ({"dilations": (2**28, 1)}, "here it is SAME, stride 1, dilation 268435456"),
        ({"activation": 4}, "the fused activation is NONE, RELU, RELU_N1_TO_1 or RELU6"),
        ({"scales": (1.0, [2.0**30], 1.0)}, "below 2**30, of int16 below 2**14; here it is 1073"),
        ({"dtype": "int16", "scales": (1.0, [2.0**14], 1.0)}, "of int16 below 2**14"),
        ({"dtype": "int16", "stated": 2}, "the depth multiplier of int16 is the one of the shapes"),
        ({"scales": (1.0, [], 1.0)}, "'w': None"),
    ],
)
def test_limits_are_told(kinds, message):
    assert message in runtimes.refused(layer(np.random.default_rng(0), **kinds))


def test_computed_weights_are_refused():
    tensors = [build.tensor(shape) for shape in [(1, 2, 2, 1), (1, 2, 2, 1), (1, 2, 2, 1)]]
    op = ("DEPTHWISE_CONV_2D", [0, 0], 1, {"strideH": 1, "strideW": 1, "depthMultiplier": 1})
    with pytest.raises(ModelError, match=r"are constants of the file; here it is 'tensor 0'"):
        plan(read(build.model(tensors, [op])))


def test_int8_weights_without_a_scale_are_refused_beside_floats():
    tensors = [
        build.tensor((1, 2, 2, 1)),
        build.tensor((1, 1, 1, 1), "int8", data=np.ones((1, 1, 1, 1), np.int8)),
        build.tensor((1, 2, 2, 1)),
    ]
    op = ("DEPTHWISE_CONV_2D", [0, 1], 2, {"strideH": 1, "strideW": 1, "depthMultiplier": 1})
    assert "op 0, DEPTHWISE_CONV_2D" in runtimes.refused(build.model(tensors, [op]))


powers = st.tuples(*[st.integers(-20, 20)] * 3) | st.tuples(*[st.integers(-120, 120)] * 3)


@settings(max_examples=50, deadline=None)
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
