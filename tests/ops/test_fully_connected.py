"""FULLY_CONNECTED against LiteRT, byte by byte, and against TFLite Micro's arithmetic."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

import micro_arithmetic
import runtimes
import tflite_micro
from edge_runtime.fixed_point import quantize_multiplier, rescale_once

BIASES = {"int8": ("int32", None), "int16": ("int64", "int32", None)}
INT32, INT64 = 2, 4
"""TensorType in the schema."""


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
    scales = tuple(
        float(s) for s in rng.uniform(0.001, 0.05, outputs if per_channel else 1).astype("f4")
    )
    steps = 128 if dtype == "int8" else 2**15
    given_scale = float(np.float32(6 / steps))
    made_scale = float(
        np.float32(6 * 3 * np.mean(scales) * np.sqrt(depth) / 128 * 128 / steps / gain)
    )
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = activation
    options.quantizedBiasType = {"int32": INT32, "int64": INT64, None: 0}[bias]
    tensors = [
        runtimes.tensor("x", (rows, depth), dtype, (given_scale,), (zero_point,)),
        runtimes.tensor("w", weights.shape, "int8", scales, (0,) * len(scales), weights),
    ]
    if bias:
        limit = 40 * steps
        data = rng.integers(-limit, limit, outputs).astype(bias)
        own = tuple(given_scale * scale for scale in scales)
        tensors.append(runtimes.tensor("b", data.shape, bias, own, (0,) * len(scales), data))
    made = -zero_point // 2
    tensors.append(runtimes.tensor("y", (rows, outputs), dtype, (made_scale,), (made,)))
    return runtimes.model("FULLY_CONNECTED", options, tensors, [0, 1, 2 if bias else -1])


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
        for name, engine in engines.items():
            np.testing.assert_array_equal(engine.run(x), expected, err_msg=name)


@settings(max_examples=80, deadline=None)
@given(**layers)
def test_single_rounding_gives_the_bytes_of_xnnpack(**layer):
    data, _, tensors = drawn("int8", **layer)
    xnnpack, engines = runtimes.xnnpack(data), runtimes.engines(data, rounding="xnnpack")
    for x in tensors:
        expected = xnnpack(x)
        for name, engine in engines.items():
            np.testing.assert_array_equal(engine.run(x), expected, err_msg=name)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@settings(max_examples=25, deadline=None)
@given(**layers)
def test_double_rounding_is_that_of_tflite_micro(dtype, **layer):
    data, bias, tensors = drawn(dtype, **layer)
    engines = runtimes.engines(data, rounding="tflite-micro")
    for x in tensors[1:]:
        expected = micro(data, x, narrow=dtype == "int8" or bias == "int32")
        for name, engine in engines.items():
            np.testing.assert_array_equal(engine.run(x).ravel(), expected, err_msg=name)


def micro(data, x, narrow):
    """TFLite Micro's FULLY_CONNECTED in plain Python, from its description in common.cc.

    narrow: 32-bit sums, a 31-bit multiplier and two roundings; else 64-bit sums and a multiplier
    of 16 bits.
    """
    interpreter = runtimes.Interpreter(model_content=data)
    details = {one["name"]: one for one in interpreter.get_tensor_details()}
    interpreter.allocate_tensors()
    weights = interpreter.get_tensor(details["w"]["index"]).astype(object)
    bias = [0] * len(weights)
    if "b" in details:
        bias = interpreter.get_tensor(details["b"]["index"]).astype(object)
    given, scales, made = (details[name]["quantization_parameters"] for name in ("x", "w", "y"))
    options = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data)).subgraphs[0].operators[0]
    activation = options.builtinOptions.fusedActivationFunction
    step, zero = float(made["scales"][0]), int(made["zero_points"][0])
    low, high = tflite_micro.ends(activation, (step, zero), 8 * x.itemsize)
    answers = []
    for row in x.astype(object):
        for o, own in enumerate(weights):
            total = int(sum((row - int(given["zero_points"][0])) * own)) + int(bias[o])
            if len(scales["scales"]) > 1:
                factor = float(given["scales"][0]) * float(scales["scales"][o])
            else:
                factor = float(np.float32(given["scales"][0]) * np.float32(scales["scales"][0]))
            pair = micro_arithmetic.quantize_multiplier(factor / step)
            if narrow:
                scaled = micro_arithmetic.multiply(micro_arithmetic.int32(total), *pair)
            else:
                scaled = reduced(total, *pair)
            answers.append(min(max(scaled + zero, low), high))
    return answers


def reduced(total, multiplier, shift):
    """MultiplyByQuantizedMultiplier for int64."""
    factor = (multiplier + 2**15) // 2**16 if multiplier < 0x7FFF0000 else 0x7FFF
    return (total * factor + 2 ** (14 - shift)) // 2 ** (15 - shift)


@pytest.mark.parametrize("rounding", ["litert", "tflite-micro"])
def test_the_factor_of_one_scale_is_that_of_the_runtime(rounding):
    """LiteRT multiplies the scales in double, TFLite Micro in float32: that shows near halves."""
    rng, found = np.random.default_rng(11), 0
    sums = np.arange(-(2**17), 2**17)
    while found < 5:
        x, w, y = (float(np.float32(s)) for s in rng.uniform((0.01, 0.001, 0.02), (0.1, 0.01, 1)))
        narrow, wide = (quantize_multiplier(f / y) for f in (float(np.float32(x * w)), x * w))
        apart = sums[rescale_once(sums, *narrow) != rescale_once(sums, *wide)]
        apart = apart[np.abs(apart * (x * w / y)) < 120]
        if not apart.size:
            continue
        found += 1
        bias = apart.astype(np.int32)
        weights = np.ones((len(bias), 1), np.int8)
        tensors = [
            runtimes.tensor("x", (1, 1), "int8", (x,), (0,)),
            runtimes.tensor("w", weights.shape, "int8", (w,), (0,), weights),
            runtimes.tensor("b", bias.shape, "int32", (x * w,), (0,), bias),
            runtimes.tensor("y", (1, len(bias)), "int8", (y,), (0,)),
        ]
        options = schema.FullyConnectedOptionsT()
        data = runtimes.model("FULLY_CONNECTED", options, tensors, [0, 1, 2])
        zero = np.zeros((1, 1), np.int8)
        expected = runtimes.builtin_ref(data)(zero).ravel()
        if rounding == "tflite-micro":
            expected = micro(data, zero, narrow=True)
        for name, engine in runtimes.engines(data, rounding=rounding).items():
            np.testing.assert_array_equal(engine.run(zero).ravel(), expected, err_msg=name)


@pytest.mark.parametrize("bias", BIASES["int16"])
def test_sums_of_int16_past_int32_are_those_of_litert(bias):
    rng = np.random.default_rng(7)
    for per_channel in False, True:
        data = dense(rng, dtype="int16", bias=bias, depth=4096, per_channel=per_channel, gain=0.05)
        litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
        for x in inputs(rng, "int16", (1, 4096), 20):
            for x_ in x, np.abs(x.astype(np.int32)).clip(0, 32767).astype(np.int16):
                for name, engine in engines.items():
                    np.testing.assert_array_equal(engine.run(x_), litert(x_), err_msg=name)


@pytest.mark.parametrize("depth", [4095, 4096, 4097, 9001, 65536])
def test_deep_layers_are_exact(depth):
    rng = np.random.default_rng(depth)
    data = dense(rng, depth=depth, outputs=17, per_channel=True, zero_point=-5)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    for x in inputs(rng, "int8", (1, depth)):
        for name, engine in engines.items():
            np.testing.assert_array_equal(engine.run(x), litert(x), err_msg=name)


@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.4, 0.5, 0.6, 1])
@pytest.mark.parametrize("zero_point", [-128, 0, 13])
def test_empty_stretches_of_the_input_are_exact(share, zero_point):
    """Kernels may leave out what is -128 throughout, the background of images."""
    rng = np.random.default_rng(3)
    data = dense(rng, rows=3, depth=203, outputs=19, zero_point=zero_point)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    for x in inputs(rng, "int8", (3, 203)):
        x[rng.random(x.shape) >= share] = -128
        for name, engine in engines.items():
            np.testing.assert_array_equal(engine.run(x), litert(x), err_msg=name)


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
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = activation
    tensors = [
        runtimes.tensor("x", (rows, depth), "float32"),
        runtimes.tensor("w", weights.shape, "float32", data=weights),
        runtimes.tensor("b", bias.shape, "float32", data=bias),
        runtimes.tensor("y", (rows, outputs), "float32"),
    ]
    data = runtimes.model("FULLY_CONNECTED", options, tensors, [0, 1, 2])
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
    scales = (float(top),) * (7 if per_channel else 1)
    weights = np.zeros((7, 4), np.int8)
    weights[:, :2] = 1, 2
    tensors = [
        runtimes.tensor("x", (1, 4), dtype, (1.0,), (0,)),
        runtimes.tensor("w", weights.shape, "int8", scales, (0,) * len(scales), weights),
    ]
    options = schema.FullyConnectedOptionsT()
    if bias:
        options.quantizedBiasType = INT32
        zeros = np.zeros(7, bias)
        tensors.append(runtimes.tensor("b", (7,), bias, scales, (0,) * len(scales), zeros))
    tensors.append(runtimes.tensor("y", (1, 7), dtype, (top / factor,), (0,)))
    inputs_ = [0, 1, 2 if bias else -1]
    data = runtimes.model("FULLY_CONNECTED", options, tensors, inputs_)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    for value in range(-128, 128):
        for other in (0, 1, -3):
            x = np.array([[value, other, 0, 0]], dtype)
            for name, engine in engines.items():
                np.testing.assert_array_equal(engine.run(x), litert(x), err_msg=name)


def biases_only(bias, scales, totals):
    """An int16 layer whose sums are its biases; ``scales`` are those of input, weights, output."""
    given, weights, made = scales
    count, zeros = len(totals), (0,) * len(weights)
    products = tuple(given * weight for weight in weights)
    tensors = [
        runtimes.tensor("x", (1, 1), "int16", (given,), (0,)),
        runtimes.tensor("w", (count, 1), "int8", weights, zeros, np.zeros((count, 1), np.int8)),
        runtimes.tensor("b", (count,), bias, products, zeros, np.array(totals, bias)),
        runtimes.tensor("y", (1, count), "int16", (made,), (0,)),
    ]
    options = schema.FullyConnectedOptionsT()
    options.quantizedBiasType = {"int32": INT32, "int64": INT64}[bias]
    return runtimes.model("FULLY_CONNECTED", options, tensors, [0, 1, 2])


@pytest.mark.parametrize("count", [1, 2], ids=["per-tensor", "per-channel"])
@pytest.mark.parametrize("bias", ["int64", "int32"])
def test_int16_next_to_a_half_is_rounded_as_a_product_of_doubles(bias, count):
    """A total that gives -8083.499998658998, of which a multiplier of 31 bits makes -8084."""
    given, made = float.fromhex("0x1.5d65cap-14"), float.fromhex("0x1.7b2196p-14")
    weights = (float.fromhex("0x1.710b22p-9"),) * count
    data = biases_only(bias, (given, weights, made), [-3115311, 3115311])
    zero, expected = np.zeros((1, 1), np.int16), [[-8083, 8083]]
    np.testing.assert_array_equal(runtimes.builtin_ref(data)(zero), expected)
    for name, engine in runtimes.engines(data).items():
        np.testing.assert_array_equal(engine.run(zero), expected, err_msg=name)


@pytest.mark.parametrize(
    ("bias", "factor"),
    [("int32", 1e-3), ("int32", 0.9), ("int64", 1e-3), ("int64", 1e-7), ("int64", 1e-11)],
)
def test_int16_is_that_of_litert_on_either_side_of_halves(bias, factor):
    """The larger the total, the nearer to a half a product comes, down to a double's last bits."""
    rng = np.random.default_rng(4)
    weights = tuple(rng.uniform(factor, 2 * factor, 2000).astype("f4").tolist())
    given, made = map(float, rng.uniform(0.9, 1.1, 2).astype("f4"))
    halves = rng.integers(-(2**15), 2**15, 2000) + 0.5
    totals = np.round(halves * made / given / weights) + rng.integers(-1, 2, 2000)
    data = biases_only(bias, (given, weights, made), totals)
    zero = np.zeros((1, 1), np.int16)
    expected = runtimes.builtin_ref(data)(zero)
    assert np.unique(expected).size > 1900
    for name, engine in runtimes.engines(data).items():
        np.testing.assert_array_equal(engine.run(zero), expected, err_msg=name)
