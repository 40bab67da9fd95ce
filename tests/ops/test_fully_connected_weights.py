"""FULLY_CONNECTED of uint8, of float32 with int8 weights, and of computed weights."""

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
from micro_arithmetic import bounds, int32, multiply, quantize_multiplier
from runtimes import drawn, f32

KINDS = ("uint8", "int8 offset", "int8 computed", "int8 channels computed", "float32 computed")


def zero_point(rng, dtype):
    limits = np.iinfo(dtype)
    return int(rng.choice([limits.min, limits.max, rng.integers(limits.min, limits.max + 1)]))


def dense(rng, kind, rows=2, depth=9, outputs=5, *, with_bias=True, activation=0):
    """A model of a kind, and its inputs: weights are the second where they are computed."""
    dtype, computed = kind.split()[0], kind.endswith("computed")
    bias = build.constant(rng.normal(size=outputs), "float32")
    x, y = build.tensor((rows, depth)), build.tensor((rows, outputs))
    weights = build.tensor((outputs, depth))
    inputs = [drawn(rng, dtype, (rows, depth)), drawn(rng, dtype, (outputs, depth))]
    if dtype != "float32":
        channels = "channels" in kind
        scales = [f32(s) for s in rng.uniform(0.001, 0.05, outputs if channels else 1)]
        x = build.tensor((rows, depth), dtype, 0.05, zero_point(rng, dtype))
        constant = None if computed else inputs[1]
        offset = 0 if channels else zero_point(rng, dtype)
        weights = build.tensor((outputs, depth), dtype, scales, offset, data=constant)
        numbers = rng.integers(-40000, 40000, outputs)
        bias = build.constant(numbers, "int32", build.products(0.05, scales))
        spread = f32(2.5 * np.mean(scales) * np.sqrt(depth))
        y = build.tensor((rows, outputs), dtype, spread, zero_point(rng, dtype))
    options = {"fusedActivationFunction": activation}
    op = ("FULLY_CONNECTED", [0, 1, 2 if with_bias else -1], 3, options)
    read_from = [0, 1] if computed else [0]
    return build.model([x, weights, bias, y], [op], inputs=read_from), inputs[: len(read_from)]


def hybrid(rng, rows=2, depth=9, outputs=5, *, weights="int8", asymmetric=True, **kinds):
    """A model of float32 activations and 8-bit weights."""
    scales = rng.uniform(0.001, 0.05, outputs if kinds.get("channels") else 1).astype("f4").tolist()
    # LiteRT's vector code takes -(-128) for -128.
    numbers = rng.integers(-127, 128, (outputs, depth)).astype(np.int8).view(weights)
    tensors = [
        build.tensor((rows, depth)),
        build.tensor((outputs, depth), weights, scales, data=numbers),
        build.constant(rng.normal(size=outputs), "float32"),
        build.tensor((rows, outputs)),
    ]
    options = {
        "asymmetricQuantizeInputs": asymmetric,
        "fusedActivationFunction": kinds.get("activation", 0),
    }
    read_from = [0, 1, 2 if kinds.get("with_bias", True) else -1]
    return build.model(tensors, [("FULLY_CONNECTED", read_from, 3, options)])


def squared(rng, dtype):
    """A model of products of all pairs of rows of its input."""
    scales = (0.0,) * 3 if dtype == "float32" else (0.05, 0.05 * 0.05, 0.7)
    tensors = [
        build.tensor((5, 9), dtype, scales[0], 3),
        build.constant(rng.integers(-9, 9, 5), "int32" if scales[0] else dtype, scales[1]),
        build.tensor((5, 5), dtype, scales[2], -7),
    ]
    return build.model(tensors, [("FULLY_CONNECTED", [0, 0, 1], 2, {})])


def seeds():
    rng = np.random.default_rng(8)
    models = {f"dense {kind}": dense(rng, kind)[0] for kind in KINDS[:2]}
    models |= {f"dense {dtype} computed": squared(rng, dtype) for dtype in ("int8", "float32")}
    models["dense hybrid"] = hybrid(rng)
    models["dense hybrid symmetric"] = hybrid(rng, asymmetric=False, channels=True, activation=3)
    models["dense hybrid uint8"] = hybrid(rng, weights="uint8", with_bias=False)
    return models


SEEDS = seeds()

layers = {
    "seed": st.integers(0, 2**32 - 1),
    "rows": st.integers(1, 5),
    "depth": st.integers(1, 200),
    "outputs": st.integers(1, 40),
    "with_bias": st.booleans(),
    "activation": st.integers(0, 3),
}


@settings(max_examples=80, deadline=None)
@given(kind=st.sampled_from(KINDS), **layers)
def test_bytes_are_those_of_litert(seed, kind, **layer):
    data, inputs = dense(np.random.default_rng(seed), kind, **layer)
    (expected,) = runtimes.run_builtin_ref(data, inputs)
    for name, engine in runtimes.engines(data).items():
        answer = np.asarray(engine.run(tuple(inputs) if len(inputs) > 1 else inputs[0]))
        assert answer.dtype == expected.dtype
        assert answer.tobytes() == expected.tobytes(), name


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


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(KINDS[1:4]), **layers)
def test_int8_is_rounded_twice_as_tflite_micro_does(seed, kind, **layer):
    data, inputs = dense(np.random.default_rng(seed), kind, **layer)
    graph = read(data)
    x, w, bias, y = graph.tensors
    weights = np.frombuffer(w.data, np.int8).reshape(w.shape) if w.data else inputs[1]
    biases = np.frombuffer(bias.data, np.int32) if layer["with_bias"] else np.zeros(w.shape[0], int)
    scales, step = w.quantization.scales, y.quantization.scales[0]
    single = len(scales) == 1
    low, high = bounds(layer["activation"], (step, y.zero_point), 8)
    rows = []
    for row in inputs[0].astype(int) - x.zero_point:
        totals = (weights.astype(int) - w.quantization.zero_points[0]) @ row + biases
        factors = [x.quantization.scales[0] * scale for scale in scales]
        factors = [f32(factors[0])] * len(totals) if single else factors
        pairs = [quantize_multiplier(factor / step) for factor in factors]
        moved = [
            multiply(int32(int(total)), *pair) + y.zero_point
            for total, pair in zip(totals, pairs, strict=True)
        ]
        rows.append(np.clip(moved, low, high))
    for engine in runtimes.engines(data, rounding="tflite-micro").values():
        answer = engine.run(tuple(inputs) if len(inputs) > 1 else inputs[0])
        np.testing.assert_array_equal(answer, rows)


@pytest.mark.parametrize(
    ("dtypes", "message"),
    [
        (("uint8", "uint8", "int32"), "unless all is int8 or all float32; here it is 'w', which"),
        (("float32", "int8", "float32"), "unless all is int8 or all float32; here it is 'w'"),
        (("int8", "uint8", "int32"), "; here it is int8, int8, uint8"),
        (("uint8", "uint8", "float32"), "the bias is int32.*; here it is uint8, uint8, float32"),
    ],
)
def test_limits_are_told(dtypes, message):
    activations, weights, bias = dtypes
    scale = 0.0 if activations == "float32" else 0.5
    tensors = [
        build.tensor((1, 4), activations, scale),
        build.tensor((2, 4), weights, 0.5, name="w"),
        build.constant(np.zeros(2), bias, name="b"),
        build.tensor((1, 2), activations, scale, name="y"),
    ]
    data = build.model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, {})], inputs=[0, 1])
    with pytest.raises(ModelError, match=f"FULLY_CONNECTED 'y': .*{message}"):
        plan(read(data))
