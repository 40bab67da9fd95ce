"""FULLY_CONNECTED of uint8 and of computed weights: every engine against LiteRT."""

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
from mixed_layers import KINDS, dense
from runtimes import f32

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
