"""CONV_2D: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import micro_arithmetic as micro
import mixed_layers
import runtimes
import trials
from runtimes import equal, f32, near
from trials import Trial, between

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
        max(1, -(-(size - (length - 1) * padding) // max(1, stride)))
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
        "conv float32, narrow": convolution(
            rng, "float32", image=(1, 83, 3, 2), window=(6, 2), strides=(2, 1), outputs=9
        ),
    }


SEEDS = {**seeds(), **mixed_layers.convolution_seeds()}


def trial_layer(rng):
    """Parameters up to the zero points, and elements of input, weights and output."""
    batches, groups = between(rng, 1, 2), 1 if rng.integers(8) else between(rng, 2, 3)
    outputs = groups * between(rng, 1, 40)
    depth = between(rng, 1, 9) if rng.integers(3) else between(rng, 10, 70)
    if rng.integers(8) == 0:  # whole tiles of 64 bytes
        depth = 32 * between(rng, 1, 5)
    longest = 40 if rng.integers(16) == 0 else 9  # of many windows, and several bands
    window = [1, 1] if rng.integers(3) == 0 else [between(rng, 1, 4), between(rng, 1, 4)]
    strides = [1, 1] if rng.integers(2) else [between(rng, 1, 3), between(rng, 1, 3)]
    dilation = [1, 1] if rng.integers(4) else [between(rng, 1, 2), between(rng, 1, 2)]
    image, output, before = [], [], []
    for taps, stride, one in zip(window, strides, dilation, strict=True):
        length, size = (taps - 1) * one + 1, between(rng, 1, longest)
        places = -(-size // stride)
        if rng.integers(2):  # VALID
            size += length - 1
            before.append(0)
        else:
            before.append(max(0, (places - 1) * stride + length - size) // 2)
        image.append(size)
        output.append(places)
    counts = (
        batches * image[0] * image[1] * groups * depth,
        outputs * window[0] * window[1] * depth,
        batches * output[0] * output[1] * outputs,
    )
    size = [batches, *image, groups * depth, *output, outputs, depth]
    return [*size, *window, *strides, *dilation, *before], counts


def bounds(rng, least, most):
    """What outputs are clamped to."""
    lowest = least if rng.integers(2) else between(rng, least, most)
    return lowest, most if rng.integers(2) else between(rng, lowest, most)


def int8_params(rng):
    zero_points = between(rng, -128, 127), 0, between(rng, -128, 127)
    if rng.integers(4) == 0:  # as with RELU
        return [*zero_points, zero_points[2], 127]
    return [*zero_points, *bounds(rng, -128, 127)]


def int8_twice_trial(rng):
    params, (inputs, weights, output) = trial_layer(rng)
    tensors = [trials.int8s(rng, inputs), trials.int8s(rng, weights)]
    tensors += trials.rescaling(rng, weights // params[6], params[6])
    return Trial([*params, *int8_params(rng)], tensors, range(1, 5), [output])


def uint8_trial(rng):
    params, (inputs, weights, output) = trial_layer(rng)
    tensors = [trials.int8s(rng, count).view(np.uint8) for count in (inputs, weights)]
    tensors += trials.rescaling(rng, weights // params[6], params[6])
    zero_points = [between(rng, 0, 255) for _ in range(3)]
    return Trial([*params, *zero_points, *bounds(rng, 0, 255)], tensors, range(1, 5), [output])


def int8_float_trial(rng):
    params, (inputs, weights, output) = trial_layer(rng)
    outputs = params[6]
    tensors = [trials.int8s(rng, inputs), trials.int8s(rng, weights)]
    tensors.append(trials.rescaling(rng, weights // outputs, outputs)[0])
    tensors.append((2.0 ** rng.uniform(-20, 8, outputs)).astype(np.float32))
    return Trial([*params, *int8_params(rng)], tensors, range(1, 4), [output])


def float32_trial(rng):
    params, (inputs, weights, output) = trial_layer(rng)
    limits = [(-np.inf, np.inf), (-1, 1), (0, 6)][rng.integers(3)]
    bits = np.array(limits, np.float32).view(np.int32).tolist()
    counts = inputs, weights, params[6]
    tensors = [trials.float32s(rng, count, rng.integers(8)) for count in counts]
    return Trial([*params, 0, 0, 0, *bits], tensors, (1, 2), [4 * output])


def hybrid_trial(rng):
    params, (inputs, weights, output) = trial_layer(rng)
    tensors, bits = trials.hybrid(rng, inputs, weights, params[6])
    return Trial([*params, 0, 0, 0, *bits], tensors, range(1, 4), [4 * output])


TRIALS = {
    "conv_2d_hybrid_symmetric": hybrid_trial,
    "conv_2d_hybrid_asymmetric": hybrid_trial,
    "conv_2d_int8_twice": int8_twice_trial,
    "conv_2d_uint8_twice": uint8_trial,
    "conv_2d_int8_float": int8_float_trial,
    "conv_2d_float32": float32_trial,
}


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


@pytest.mark.parametrize(
    ("dtype", "bias"), [("int8", 0), ("uint8", 0), ("int16", 0), ("int16", 1), ("float32", 0)]
)
@settings(max_examples=40, deadline=None)
@given(layer=layers())
def test_bytes_are_those_of_litert(dtype, bias, layer):
    rng = np.random.default_rng(layer.pop("seed"))
    layer["per_channel"] &= dtype != "uint8"
    data = convolution(rng, dtype, bias=bias, **layer)
    x = drawn(rng, dtype, layer["image"])
    near(data, x, runtimes.builtin_ref(data)(x))


@settings(max_examples=40, deadline=None)
@given(layer=layers())
def test_single_rounding_is_that_of_xnnpack(layer):
    rng = np.random.default_rng(layer.pop("seed"))
    data = convolution(rng, "int8", **layer)
    x = drawn(rng, "int8", layer["image"])
    equal(data, x, runtimes.xnnpack(data)(x), "xnnpack")


def biases_only(dtype, bias, scales, totals):
    """A layer whose sums are its biases; ``scales`` are those of input, weights and output."""
    source, weights, output = scales
    kind = "uint8" if dtype == "uint8" else "int8"
    tensors = [
        build.tensor((1, 1, 1, 1), dtype, source),
        build.constant(np.zeros((len(totals), 1, 1, 1)), kind, weights),
        build.constant(totals, bias, build.products(source, weights)),
        build.tensor((1, 1, 1, len(totals)), dtype, output),
    ]
    options = {"strideH": 1, "strideW": 1}
    if dtype == "int16":
        options["quantizedBiasType"] = {"int32": INT32, "int64": INT64}[bias]
    return build.model(tensors, [("CONV_2D", [0, 1, 2], 3, options)])


def zeros(dtype):
    return np.zeros((1, 1, 1, 1), dtype)


@pytest.mark.parametrize(
    ("dtype", "bias"),
    [("int8", "int32"), ("uint8", "int32"), ("int16", "int32"), ("int16", "int64")],
)
@pytest.mark.parametrize("factor", [4.9e-24, 1e-9, 2e-5, 0.003, 0.9, 1.0, 3.5, 100.0])
def test_factors_of_all_sizes_are_those_of_litert(dtype, bias, factor):
    """Totals whose outputs lie in the range, next to halves, and the largest of int32."""
    rng = np.random.default_rng(5)
    source, weights = map(float, rng.uniform(0.9, 1.1, 2).astype("f4"))
    output = f32(source * weights / factor)
    halves = (rng.integers(-130, 260, 500) + 0.5) / factor
    totals = np.clip(halves.round() + rng.integers(-1, 2, 500), -(2.0**31), 2.0**31 - 1)
    if dtype != "int16":
        totals[:2] = -(2**31), 2**31 - 1
    data = biases_only(dtype, bias, (source, weights, output), totals)
    equal(data, zeros(dtype), runtimes.builtin_ref(data)(zeros(dtype)))


@pytest.mark.parametrize("factor", [256.5, 1e5, 1.2e7])
def test_factors_that_wrap_are_those_of_litert(factor):
    totals = np.random.default_rng(6).integers(-(2**31), 2**31, 500)
    data = biases_only("int8", "int32", (1.0, 1.0, f32(1 / factor)), totals)
    expected = runtimes.builtin_ref(data)(zeros("int8"))
    equal(data, zeros("int8"), expected)
    # XNNPACK does not run these.
    equal(data, zeros("int8"), expected, "xnnpack")


def test_a_sum_of_int16_with_an_int32_bias_wraps_as_that_of_litert():
    image = (1, 1, 1, 2048)
    rng = np.random.default_rng(8)
    data = convolution(rng, "int16", image=image, window=(1, 1), bias=1, gain=0.01)
    for low, high in (-(2**15), 2**15), (30000, 2**15), (-(2**15), -30000):
        x = rng.integers(low, high, image).astype(np.int16)
        equal(data, x, runtimes.builtin_ref(data)(x))


def test_tflite_micro_rounds_twice():
    rng = np.random.default_rng(9)
    scales = [0.004, 0.011, 0.02]
    x = rng.integers(-128, 128, (1, 2, 2, 5)).astype(np.int8)
    weights = rng.integers(-128, 128, (3, 1, 1, 5)).astype(np.int8)
    bias = rng.integers(-900, 900, 3)
    tensors = [
        build.tensor(x.shape, "int8", 0.05, -7),
        build.constant(weights, "int8", scales),
        build.constant(bias, "int32", build.products(0.05, scales)),
        build.tensor((1, 2, 2, 3), "int8", 0.1, 9),
    ]
    data = build.model(tensors, [("CONV_2D", [0, 1, 2], 3, {"strideH": 1, "strideW": 1})])
    output = np.empty((4, 3), np.int8)
    for row, pixel in enumerate(x.reshape(4, 5).tolist()):
        for o, channel in enumerate(weights.reshape(3, 5).tolist()):
            total = sum((a + 7) * b for a, b in zip(pixel, channel, strict=True)) + int(bias[o])
            pair = micro.quantize_multiplier(f32(0.05) * f32(scales[o]) / f32(0.1))
            output[row, o] = max(-128, min(127, micro.multiply(total, *pair) + 9))
    equal(data, x, output.reshape(1, 2, 2, 3), "tflite-micro")


def test_a_batch_of_any_size_is_run():
    rng = np.random.default_rng(10)
    data = convolution(rng, zero_point=9)
    tree = schema.ModelT.InitFromPackedBuf(data)
    tensors = tree.subgraphs[0].tensors
    for tensor in tensors[0], tensors[-1]:
        tensor.shapeSignature = [-1, *tensor.shape[1:]]
    x = rng.integers(-128, 128, (3, 5, 6, 3)).astype(np.int8)
    runtimes.equal_one_by_one(build.pack(tree), x)


def test_infinite_weights_outside_of_the_image_count_for_nothing():
    weights = np.ones((1, 3, 3, 1), np.float32)
    weights[0, 0] = np.inf
    tensors = [
        build.tensor((1, 2, 2, 1)),
        build.constant(weights, "float32"),
        build.constant([0.5], "float32"),
        build.tensor((1, 2, 2, 1)),
    ]
    options = {"padding": SAME, "strideH": 1, "strideW": 1}
    data = build.model(tensors, [("CONV_2D", [0, 1, 2], 3, options)])
    x = np.array([1, 2, 3, 4], np.float32).reshape(1, 2, 2, 1)
    expected = runtimes.builtin_ref(data)(x)
    assert (expected < 1e38).tolist() == [[[[True], [True]], [[False], [False]]]]
    equal(data, x, expected)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"padding": 2}, "padding is SAME or VALID, the window fits"),
        ({"strides": (0, 1)}, "here it is SAME, stride 0, dilation 1, 3 taps on 5"),
        ({"dilation": (1, 2**30)}, "dilation 1073741824, 3 taps on 6"),
        ({"window": (6, 1), "padding": VALID}, "here it is VALID, stride 1, dilation 1, 6 taps"),
        ({"activation": 4}, "the fused activation is NONE"),
        (
            {"image": (1, 1, 1, 65537), "window": (1, 1), "outputs": 1},
            "an output has at most 65,536 weights",
        ),
        ({"groups": 3, "outputs": 4}, "input channels and outputs in as many groups; here it is"),
    ],
)
def test_limits_are_told(layer, message):
    assert message in runtimes.refused(convolution(np.random.default_rng(0), **layer))


def test_types_and_quantisation_that_do_not_fit_are_told():
    options = {"strideH": 1, "strideW": 1}

    def layer(dtype, weights, **quantization):
        tensors = [
            build.tensor((1, 2, 2, 1), dtype, 0.1),
            build.tensor(
                (2, 1, 1, 1), weights, data=np.ones((2, 1, 1, 1), weights), **quantization
            ),
            build.tensor((1, 2, 2, 2), dtype, 0.1),
        ]
        return runtimes.refused(build.model(tensors, [("CONV_2D", [0, 1], 2, options)]))

    assert "or int16/int8; here it is int16, int16, int16" in layer("int16", "int16", scale=0.1)
    assert "int8 weights also one per output" in layer("int8", "int8")
    assert "(3, 3)" in layer("int8", "int8", scale=[0.1, 0.1], zero_point=3)
    assert "integers have one scale" in layer("uint8", "uint8", scale=[0.1, 0.1])
