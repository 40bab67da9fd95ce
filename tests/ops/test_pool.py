"""MAX_POOL_2D, AVERAGE_POOL_2D and L2_POOL_2D: every engine against LiteRT, byte by byte."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import trials
from runtimes import drawn, equal, f32
from trials import Trial, between

OPS = ("MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D")
SAME, VALID = range(2)


def pool(
    op,
    dtype,
    shape,
    window=(2, 2),
    strides=(2, 2),
    padding=VALID,
    activation=0,
    quantization=((0.05, 3), (0.05, 3)),
):
    """A model of one op."""
    source, output = quantization if dtype != "float32" else ((), ())
    size = [
        max(1, -(-(rows if padding == SAME else rows - taps + 1) // max(stride, 1)))
        for rows, taps, stride in zip(shape[1:], window, strides, strict=False)
    ]
    tensors = [
        build.tensor(shape, dtype, *source),
        build.tensor((shape[0], *size, shape[-1]), dtype, *output),
    ]
    options = {
        "padding": padding,
        "strideH": strides[0],
        "strideW": strides[1],
        "filterHeight": window[0],
        "filterWidth": window[1],
        "fusedActivationFunction": activation,
    }
    return build.model(tensors, [(op, [0], 1, options)])


def seed(op, dtype):
    zero_point = 0 if dtype == "int16" else 3
    quantization = ((0.05, zero_point),) * 2
    return pool(op, dtype, (2, 5, 6, 3), (3, 2), (2, 1), SAME, 1, quantization)


SEEDS = {
    f"{op} {dtype}": seed(op, dtype)
    for op in OPS
    for dtype in ("float32", "int8", "uint8", "int16")
    if op != "L2_POOL_2D" or dtype == "float32"
}


def trial(rng, dtype):
    """Windows that leave the image or not, of few channels and of more than fill vectors."""
    batches, channels = between(rng, 1, 2), between(rng, 1, 70 if rng.integers(2) else 20)
    image, output, window, strides, before = [], [], [], [], []
    for _ in range(2):
        taps, stride, size = between(rng, 1, 4), between(rng, 1, 3), between(rng, 1, 7)
        places = -(-size // stride)
        inside = rng.integers(2)
        before.append(0 if inside else max(0, (places - 1) * stride + taps - size) // 2)
        image.append(size + taps - 1 if inside else size)
        output.append(places)
        window.append(taps)
        strides.append(stride)
    counts = [batches * height * width * channels for height, width in (image, output)]
    if dtype == "int8":
        low = -128 if rng.integers(2) else between(rng, -128, 127)
        limits = [low, 127 if rng.integers(2) else between(rng, low, 127)]
        numbers = trials.int8s(rng, counts[0])
    else:
        bounds = [(-np.inf, np.inf), (-1, 1), (0, 6)][rng.integers(3)]
        limits = np.array(bounds, np.float32).view(np.int32).tolist()
        numbers = trials.float32s(rng, counts[0], rng.integers(4))
        if rng.integers(4) == 0:
            special = np.array([np.inf, -np.inf, 0.0, -0.0], np.float32)
            numbers = np.where(rng.integers(2, size=counts[0]), rng.choice(special, counts[0]), 1)
            numbers = numbers.astype(np.float32)
    params = [batches, *image, channels, *output, *window, *strides, *before, *limits]
    return Trial(params, [numbers], [], [counts[1] * numbers.itemsize])


TRIALS = {
    "pool_max_int8": partial(trial, dtype="int8"),
    "pool_max_float32": partial(trial, dtype="float32"),
    "pool_average_float32": partial(trial, dtype="float32"),
}

FIELDS = {
    "seed": st.integers(0, 2**32 - 1),
    "shape": st.tuples(*[st.integers(1, 2), st.integers(1, 9), st.integers(1, 9)])
    .flatmap(lambda sizes: st.tuples(st.just(sizes), st.integers(1, 5) | st.integers(30, 70)))
    .map(lambda pair: (*pair[0], pair[1])),
    "window": st.tuples(st.integers(1, 5), st.integers(1, 5)),
    "strides": st.tuples(st.integers(1, 3), st.integers(1, 3)),
    "padding": st.integers(SAME, VALID),
    "activation": st.integers(0, 3),
}


def fitting(shape, window, padding):
    """The window, no longer than the image where there is no padding."""
    if padding == SAME:
        return window
    return min(window[0], shape[1]), min(window[1], shape[2])


@settings(max_examples=120, deadline=None)
@given(
    **FIELDS,
    op=st.sampled_from(OPS[:2]),
    dtype=st.sampled_from(("int8", "uint8", "int16")),
    power=st.floats(-4, 1),
    output_power=st.floats(-4, 1) | st.none(),
    zero_point=st.integers(-128, 127) | st.sampled_from((-128, 127)),
    rounding=st.sampled_from(("litert", "xnnpack", "tflite-micro")),
)
def test_integers_are_what_litert_gives(
    seed,
    op,
    dtype,
    shape,
    window,
    strides,
    padding,
    activation,
    power,
    output_power,
    zero_point,
    rounding,
):
    zero_point = {"int8": zero_point, "uint8": zero_point + 128, "int16": 0}[dtype]
    output_power = power if output_power is None or rounding == "xnnpack" else output_power
    quantization = (f32(10**power), zero_point), (f32(10**output_power), zero_point)
    window = fitting(shape, window, padding)
    data = pool(op, dtype, shape, window, strides, padding, activation, quantization)
    x = drawn(np.random.default_rng(seed), dtype, shape)
    peer = runtimes.PEERS.get(rounding, runtimes.builtin_ref)
    equal(data, x, peer(data)(x), rounding)


@settings(max_examples=60, deadline=None)
@given(**FIELDS, op=st.sampled_from(OPS), power=st.integers(-20, 20))
def test_floats_are_what_litert_gives(seed, op, shape, window, strides, padding, activation, power):
    data = pool(op, "float32", shape, fitting(shape, window, padding), strides, padding, activation)
    x = drawn(np.random.default_rng(seed), "float32", shape) * np.float32(10.0**power)
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("op", OPS)
def test_special_floats_are_what_litert_gives(op):
    rng = np.random.default_rng(0)
    special = np.array([0, -0.0, 1e-45, -1e-40, 3.4e38, -3.4e38, 1], np.float32)
    x = rng.choice(special, (3, 8, 8, 5))
    for activation in range(4):
        data = pool(op, "float32", x.shape, (2, 1), activation=activation)
        expected = runtimes.builtin_ref(data)(x)
        for engine in runtimes.engines(data).values():
            answer = engine.run(x)
            np.testing.assert_array_equal(answer, expected)
            signs = np.signbit(answer) == np.signbit(expected)
            assert signs[~np.isnan(expected)].all()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_sums_of_the_largest_windows_fit(dtype):
    limits = np.iinfo(dtype)
    shape = (1, 256, 257, 1) if dtype != "int16" else (1, 255, 257, 1)
    zero_point = 0 if dtype == "int16" else 1
    data = pool("AVERAGE_POOL_2D", dtype, shape, shape[1:3], quantization=((1.0, zero_point),) * 2)
    for value in limits.min, limits.max:
        x = np.full(shape, value, dtype)
        equal(data, x, runtimes.builtin_ref(data)(x))


def test_a_batch_of_any_size_is_run():
    data = pool("AVERAGE_POOL_2D", "int8", (1, 4, 4, 3))
    x = drawn(np.random.default_rng(1), "int8", (5, 4, 4, 3))
    runtimes.equal_one_by_one(data, x)


@pytest.mark.parametrize(
    ("op", "dtype", "kinds", "message"),
    [
        ("MAX_POOL_2D", "int32", {}, "int8, uint8 or int16; here it is int32, int32"),
        ("L2_POOL_2D", "int8", {}, "but for L2_POOL_2D, both int8, uint8 or int16"),
        ("MAX_POOL_2D", "int8", {"shape": (4, 4, 4)}, "the input has 4 dimensions"),
        ("MAX_POOL_2D", "int8", {"window": (5, 1)}, "from 1 to 2**28; here it is VALID, stride 2"),
        ("MAX_POOL_2D", "int8", {"window": (0, 1)}, "dilation 1, 0 taps on 4"),
        ("MAX_POOL_2D", "int8", {"strides": (1, -1)}, "here it is VALID, stride -1"),
        ("MAX_POOL_2D", "int8", {"padding": 7}, "here it is padding 7"),
        ("MAX_POOL_2D", "int8", {"activation": 4}, "the fused activation is NONE, RELU"),
        ("MAX_POOL_2D", "int16", {}, "int16 the zero point 0"),
        (
            "AVERAGE_POOL_2D",
            "int16",
            {"shape": (1, 256, 256, 1), "window": (256, 256), "quantization": ((1.0,), (1.0,))},
            "2**16 - 1 of int16; here it is 65536",
        ),
    ],
)
def test_limits_are_told(op, dtype, kinds, message):
    assert message in runtimes.refused(pool(op, dtype, **{"shape": (1, 4, 4, 1), **kinds}))
