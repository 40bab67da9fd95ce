"""FULLY_CONNECTED against LiteRT, byte by byte, and against TFLite Micro's arithmetic."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import micro_arithmetic
import mixed_layers
import runtimes
import trials
from edge_runtime import ModelError
from edge_runtime.fixed_point import quantize_multiplier, rescale_once
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import agree, equal, f32
from trials import Trial, between

BIASES = {"int8": ("int32", None), "int16": ("int64", "int32", None)}
INT32, INT64 = 2, 4
"""TensorType in the schema."""


def seeds():
    rng = np.random.default_rng(3)
    w = rng.integers(-127, 128, (5, 9))
    channels = [0.002 + 0.001 * i for i in range(5)]
    b = rng.integers(-2000, 2000, 5)

    def layer(dtype, bias, scale, zero, activation=0):
        float_ = dtype == "float32"
        weights = build.constant(w / 100 if float_ else w, dtype if float_ else "int8", scale)
        tensors = [
            build.tensor((2, 9), dtype, 0.05, zero),
            weights,
            build.constant(b, bias, build.products(0.05, scale)),
            build.tensor((2, 5), dtype, 0.07, -zero),
        ]
        options = {"fusedActivationFunction": activation}
        return build.model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, options)])

    wide = [
        build.tensor((1, 2, 70), "int8", 0.05, 7),
        build.constant(rng.integers(-127, 128, (33, 70)), "int8", 0.01),
        build.tensor((1, 2, 33), "int8", 0.1),
    ]
    op = ("FULLY_CONNECTED", [0, 1, -1], 2, {"keepNumDims": True})
    return {
        "dense int8": layer("int8", "int32", 0.01, 3),
        "dense int8 per channel": layer("int8", "int32", channels, -3, 1),
        "dense int8 wide": build.model(wide, [op]),
        "dense int16": layer("int16", "int64", channels, 0),
        "dense int16, int32 bias": layer("int16", "int32", 0.01, 0, 3),
        "dense float32": layer("float32", "float32", 0.0, 0, 3),
    }


SEEDS = {**seeds(), **mixed_layers.dense_seeds()}


def int8_trial(rng):
    rows, depth, outputs = trials.gemm_shape(rng)
    lowest = -128 if rng.integers(2) else between(rng, -128, 127)
    highest = 127 if rng.integers(2) else between(rng, lowest, 127)
    zero_points = between(rng, -128, 127), between(rng, -128, 127)
    params = (rows, depth, outputs, zero_points[0], lowest, highest, zero_points[1])
    tensors = [trials.int8s(rng, count * depth) for count in (rows, outputs)]
    tensors += trials.rescaling(rng, depth, outputs)
    return Trial(params, tensors, range(1, 5), [rows * outputs])


LIMITS = [(-np.inf, np.inf)] * 3 + [(-1, 1), (0, 6), (-0.25, 0.125)]


def float32_trial(rng):
    rows, depth, outputs = trials.gemm_shape(rng)
    limits = np.array(LIMITS[rng.integers(len(LIMITS))], np.float32).view(np.int32).tolist()
    counts = rows * depth, outputs * depth, outputs
    tensors = [trials.float32s(rng, count, rng.integers(8)) for count in counts]
    return Trial((rows, depth, outputs, *limits), tensors, (1, 2), [4 * rows * outputs])


def hybrid_trial(rng):
    rows, depth, outputs = trials.gemm_shape(rng)
    tensors, bits = trials.hybrid(rng, rows * depth, outputs * depth, outputs)
    params = rows, depth, outputs, between(rng, 0, 1), *bits
    return Trial(params, tensors, range(1, 4), [4 * rows * outputs])


TRIALS = {
    "fully_connected_float32": float32_trial,
    "fully_connected_hybrid": hybrid_trial,
    "fully_connected_int8_once": int8_trial,
}


def dense(
    rng,
    *,
    dtype="int8",
    bias="int32",
    rows=1,
    depth=20,
    outputs=6,
    per_channel=False,
    activation=0,
    zero_point=0,
    gain=1.0,
):
    """A model of one layer whose outputs fill their range when ``gain`` is about 1."""
    weights = rng.integers(-128, 128, (outputs, depth)).astype(np.int8)
    scales = [f32(s) for s in rng.uniform(0.001, 0.05, outputs if per_channel else 1)]
    steps = 128 if dtype == "int8" else 2**15
    scale = f32(6 / steps)
    spread = 6 * 3 * np.mean(np.array(scales, "f4")) * np.sqrt(depth) / 128
    options = {
        "fusedActivationFunction": activation,
        "quantizedBiasType": {"int32": INT32, "int64": INT64, None: 0}[bias],
    }
    tensors = [
        build.tensor((rows, depth), dtype, scale, zero_point, name="x"),
        build.constant(weights, "int8", scales, name="w"),
    ]
    if bias:
        limit = 40 * steps
        data = rng.integers(-limit, limit, outputs)
        tensors.append(build.constant(data, bias, build.products(scale, scales), name="b"))
    output = f32(spread * 128 / steps / gain)
    tensors.append(build.tensor((rows, outputs), dtype, output, -zero_point // 2, name="y"))
    read = [0, 1, 2 if bias else -1]
    return build.model(tensors, [("FULLY_CONNECTED", read, len(tensors) - 1, options)])


def inputs(rng, dtype, shape, count=3):
    """Tensors over the whole range, then one of the ends only."""
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    for _ in range(count):
        yield rng.integers(low, high + 1, shape).astype(dtype)
    yield rng.choice([low, high], shape).astype(dtype)


layers = {
    "seed": st.integers(0, 2**32 - 1),
    "rows": st.integers(1, 5),
    "depth": st.integers(1, 300),
    "outputs": st.integers(1, 40),
    "per_channel": st.booleans(),
    "activation": st.integers(0, 3),
    "gain": st.sampled_from([0.01, 1.0, 1.0, 1.0, 30.0]),
    "zero_point": st.integers(-128, 127),
    "with_bias": st.sampled_from([0, 0, 1, 2]),
}


def drawn(dtype, seed, zero_point, with_bias, **layer):
    rng = np.random.default_rng(seed)
    bias = BIASES[dtype][with_bias % len(BIASES[dtype])]
    if dtype == "int16":
        zero_point = 0
    data = dense(rng, dtype=dtype, bias=bias, zero_point=zero_point, **layer)
    shape = (layer["rows"], layer["depth"])
    return data, bias, list(inputs(rng, dtype, shape))


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@settings(max_examples=80, deadline=None)
@given(**layers)
def test_bytes_are_those_of_litert(dtype, **layer):
    data, _, tensors = drawn(dtype, **layer)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    for x in tensors:
        expected = litert(x)
        agree(engines, x, expected)


@settings(max_examples=80, deadline=None)
@given(**layers)
def test_single_rounding_gives_the_bytes_of_xnnpack(**layer):
    data, _, tensors = drawn("int8", **layer)
    xnnpack, engines = runtimes.xnnpack(data), runtimes.engines(data, rounding="xnnpack")
    for x in tensors:
        expected = xnnpack(x)
        agree(engines, x, expected)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@settings(max_examples=25, deadline=None)
@given(**layers)
def test_double_rounding_is_that_of_tflite_micro(dtype, **layer):
    data, bias, tensors = drawn(dtype, **layer)
    engines = runtimes.engines(data, rounding="tflite-micro")
    for x in tensors[1:]:
        expected = micro(data, x, narrow=dtype == "int8" or bias == "int32")
        agree(engines, x, np.reshape(expected, (layer["rows"], layer["outputs"])))


def micro(data, x, narrow):
    """TFLite Micro's FULLY_CONNECTED in plain Python, from its description in common.cc.

    narrow: 32-bit sums, a 31-bit multiplier and two roundings; else 64-bit sums and a multiplier
    of 16 bits.
    """
    interpreter = Interpreter(model_content=data)
    details = {one["name"]: one for one in interpreter.get_tensor_details()}
    interpreter.allocate_tensors()
    weights = interpreter.get_tensor(details["w"]["index"]).astype(object)
    bias = [0] * len(weights)
    if "b" in details:
        bias = interpreter.get_tensor(details["b"]["index"]).astype(object)
    source, scales, output = (details[name]["quantization_parameters"] for name in ("x", "w", "y"))
    options = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data)).subgraphs[0].operators[0]
    activation = options.builtinOptions.fusedActivationFunction
    step, zero = float(output["scales"][0]), int(output["zero_points"][0])
    low, high = micro_arithmetic.bounds(activation, (step, zero), 8 * x.itemsize)
    answers = []
    for row in x.astype(object):
        for o, channel in enumerate(weights):
            total = int(sum((row - int(source["zero_points"][0])) * channel)) + int(bias[o])
            if len(scales["scales"]) > 1:
                factor = float(source["scales"][0]) * float(scales["scales"][o])
            else:
                factor = float(np.float32(source["scales"][0]) * np.float32(scales["scales"][0]))
            pair = micro_arithmetic.quantize_multiplier(factor / step)
            if narrow:
                scaled = micro_arithmetic.multiply(micro_arithmetic.int32(total), *pair)
            else:
                scaled = micro_arithmetic.reduced(total, *pair)
            answers.append(min(max(scaled + zero, low), high))
    return answers


@pytest.mark.parametrize("rounding", ["litert", "tflite-micro"])
def test_the_factor_of_one_scale_is_that_of_the_runtime(rounding):
    """LiteRT multiplies the scales in double, TFLite Micro in float32: that shows near halves."""
    rng, found = np.random.default_rng(11), 0
    sums = np.arange(-(2**17), 2**17)
    while found < 5:
        x, w, y = (f32(s) for s in rng.uniform((0.01, 0.001, 0.02), (0.1, 0.01, 1)))
        narrow, wide = (quantize_multiplier(f / y) for f in (f32(x * w), x * w))
        apart = sums[rescale_once(sums, *narrow) != rescale_once(sums, *wide)]
        apart = apart[np.abs(apart * (x * w / y)) < 120]
        if not apart.size:
            continue
        found += 1
        tensors = [
            build.tensor((1, 1), "int8", x, name="x"),
            build.constant(np.ones((len(apart), 1)), "int8", w, name="w"),
            build.constant(apart, "int32", x * w, name="b"),
            build.tensor((1, len(apart)), "int8", y, name="y"),
        ]
        data = build.model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, {})])
        zero = np.zeros((1, 1), np.int8)
        expected = runtimes.builtin_ref(data)(zero)
        if rounding == "tflite-micro":
            expected = [micro(data, zero, narrow=True)]
        agree(runtimes.engines(data, rounding=rounding), zero, expected)


@pytest.mark.parametrize("bias", BIASES["int16"])
def test_sums_of_int16_past_int32_are_those_of_litert(bias):
    rng = np.random.default_rng(7)
    for per_channel in False, True:
        data = dense(rng, dtype="int16", bias=bias, depth=4096, per_channel=per_channel, gain=0.05)
        litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
        for x in inputs(rng, "int16", (1, 4096), 20):
            for x_ in x, np.abs(x.astype(np.int32)).clip(0, 32767).astype(np.int16):
                agree(engines, x_, litert(x_))


@pytest.mark.parametrize("depth", [4095, 4096, 4097, 9001, 65536])
def test_deep_layers_are_exact(depth):
    rng = np.random.default_rng(depth)
    data = dense(rng, depth=depth, outputs=17, per_channel=True, zero_point=-5)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    for x in inputs(rng, "int8", (1, depth)):
        agree(engines, x, litert(x))


@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.4, 0.5, 0.6, 1])
@pytest.mark.parametrize("zero_point", [-128, 0, 13])
def test_empty_stretches_of_the_input_are_exact(share, zero_point):
    """Kernels may leave out what is -128 throughout, the background of images."""
    rng = np.random.default_rng(3)
    data = dense(rng, rows=3, depth=203, outputs=19, zero_point=zero_point)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    for x in inputs(rng, "int8", (3, 203)):
        x[rng.random(x.shape) >= share] = -128
        agree(engines, x, litert(x))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 5),
    depth=st.integers(1, 300),
    outputs=st.integers(1, 40),
    activation=st.integers(0, 3),
)
def test_float32_is_the_same_everywhere_and_within_its_bound(
    seed, rows, depth, outputs, activation
):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(outputs, depth)).astype("f4")
    bias = rng.normal(size=outputs).astype("f4")
    tensors = [
        build.tensor((rows, depth)),
        build.constant(weights, "float32"),
        build.constant(bias, "float32"),
        build.tensor((rows, outputs)),
    ]
    options = {"fusedActivationFunction": activation}
    data = build.model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, options)])
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    x = rng.normal(size=(rows, depth)).astype("f4")
    x[rng.random(x.shape) < 0.5] = 0
    expected = engines.pop("reference").run(x)
    for name, engine in engines.items():
        assert engine.run(x).tobytes() == expected.tobytes(), name
    low, high = [(None, None), (0, None), (-1, 1), (0, 6)][activation]
    exact = (x.astype("f8") @ weights.T.astype("f8") + bias).clip(low, high)
    size = np.abs(x.astype("f8")) @ np.abs(weights.T.astype("f8")) + np.abs(bias)
    bound = (np.ceil(depth / 16) + 6) * 2.0**-24 * size
    assert (np.abs(expected - exact) <= bound).all()
    # LiteRT's sums are bounded alike, one after another.
    assert (np.abs(expected - litert(x)) <= bound + (depth + 1) * 2.0**-24 * size).all()


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize(("dtype", "bias"), [("int8", None), ("int16", None), ("int16", "int32")])
@pytest.mark.parametrize(
    "factor", [1 / 2, 1 / 8, 3 / 8, 15 / 2, 1 / 3, 1 / 6, 1 / 10, 1 / 20, 1 / 7]
)
def test_halves_go_where_litert_sends_them(factor, dtype, bias, per_channel):
    # By scales that float32 holds.
    top = next(n for n in (1, 3, 15) if (n / factor).is_integer())
    scales = [float(top)] * (7 if per_channel else 1)
    weights = np.zeros((7, 4), np.int8)
    weights[:, :2] = 1, 2
    tensors = [build.tensor((1, 4), dtype, 1.0), build.constant(weights, "int8", scales)]
    options = {"quantizedBiasType": INT32 if bias else 0}
    if bias:
        tensors.append(build.constant(np.zeros(7), bias, scales))
    tensors.append(build.tensor((1, 7), dtype, top / factor))
    read = [0, 1, 2 if bias else -1]
    data = build.model(tensors, [("FULLY_CONNECTED", read, len(tensors) - 1, options)])
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    for value in range(-128, 128):
        for other in (0, 1, -3):
            x = np.array([[value, other, 0, 0]], dtype)
            agree(engines, x, litert(x))


def biases_only(bias, scales, totals):
    """An int16 layer whose sums are its biases; ``scales`` are those of input, weights, output."""
    source, weights, output = scales
    tensors = [
        build.tensor((1, 1), "int16", source),
        build.constant(np.zeros((len(totals), 1)), "int8", weights),
        build.constant(totals, bias, build.products(source, weights)),
        build.tensor((1, len(totals)), "int16", output),
    ]
    options = {"quantizedBiasType": {"int32": INT32, "int64": INT64}[bias]}
    return build.model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, options)])


@pytest.mark.parametrize("count", [1, 2], ids=["per-tensor", "per-channel"])
@pytest.mark.parametrize("bias", ["int64", "int32"])
def test_int16_next_to_a_half_is_rounded_as_a_product_of_doubles(bias, count):
    """A total that gives -8083.499998658998, of which a multiplier of 31 bits makes -8084."""
    source, output = float.fromhex("0x1.5d65cap-14"), float.fromhex("0x1.7b2196p-14")
    weights = [float.fromhex("0x1.710b22p-9")] * count
    data = biases_only(bias, (source, weights, output), [-3115311, 3115311])
    zero, expected = np.zeros((1, 1), np.int16), np.array([[-8083, 8083]], np.int16)
    np.testing.assert_array_equal(runtimes.builtin_ref(data)(zero), expected)
    equal(data, zero, expected)


@pytest.mark.parametrize(
    ("bias", "factor"),
    [("int32", 1e-3), ("int32", 0.9), ("int64", 1e-3), ("int64", 1e-7), ("int64", 1e-11)],
)
def test_int16_is_that_of_litert_on_either_side_of_halves(bias, factor):
    """The larger the total, the nearer to a half a product comes, down to a double's last bits."""
    rng = np.random.default_rng(4)
    weights = rng.uniform(factor, 2 * factor, 2000).astype("f4").tolist()
    source, output = map(float, rng.uniform(0.9, 1.1, 2).astype("f4"))
    halves = rng.integers(-(2**15), 2**15, 2000) + 0.5
    totals = np.round(halves * output / source / weights) + rng.integers(-1, 2, 2000)
    data = biases_only(bias, (source, weights, output), totals)
    zero = np.zeros((1, 1), np.int16)
    expected = runtimes.builtin_ref(data)(zero)
    assert np.unique(expected).size > 1900
    equal(data, zero, expected)


def test_limits_are_told():
    tensors = [build.tensor((1, 4)), build.constant(np.ones((2, 4)), "float32")]
    tensors.append(build.tensor((1, 2), name="y"))
    op = ("FULLY_CONNECTED", [0, 1, -1], 2, {"fusedActivationFunction": 4})
    message = r"FULLY_CONNECTED 'y': the fused activation .*; here it is 4"
    with pytest.raises(ModelError, match=message):
        plan(read(build.model(tensors, [op])))
