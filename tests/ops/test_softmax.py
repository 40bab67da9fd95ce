"""SOFTMAX: every engine against LiteRT, and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

import runtimes
import tflite_micro
from edge_runtime import ModelError, fixed_point
from edge_runtime.ops import softmax_tables
from edge_runtime.planner import plan
from edge_runtime.reader import read

OUTPUTS = {
    ("int8", "int8"): (2.0**-8, -128),
    ("int8", "int16"): (2.0**-16, -32768),
    ("int16", "int16"): (2.0**-15, 0),
}
RUNTIMES = {"litert": runtimes.builtin_ref, "xnnpack": runtimes.xnnpack}


def softmax(types, shape, scale=None, beta=1.0, zero_point=0, made=None):
    options = schema.SoftmaxOptionsT()
    options.beta = beta
    quantized = ((scale,), (zero_point,)) if scale else ((), ())
    made_scale, made_zero_point = made or OUTPUTS.get(types, (None, None))
    tensors = [
        runtimes.tensor("x", shape, types[0], *quantized),
        runtimes.tensor(
            "y", shape, types[1], *(((made_scale,), (made_zero_point,)) if scale else ((), ()))
        ),
    ]
    return runtimes.model("SOFTMAX", options, tensors, [0], version=3)


def drawn(rng, dtype, shape):
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)


def f32(value):
    return float(np.float32(value))


INTEGERS = {
    "seed": st.integers(0, 2**32 - 1),
    "types": st.sampled_from(tuple(OUTPUTS)),
    "shape": st.lists(st.integers(1, 3), max_size=4).map(tuple),
    "depth": st.integers(1, 30) | st.integers(30, 511),
    "power": st.floats(-5, 1),
    "beta": st.just(1.0) | st.floats(0.1, 3).map(f32),
    "zero_point": st.integers(-128, 127),
}


def equal(data, x, expected, rounding):
    for name, engine in runtimes.engines(data, rounding=rounding).items():
        np.testing.assert_array_equal(engine.run(x), expected, err_msg=name)


@pytest.mark.parametrize("rounding", ["litert", "xnnpack"])
@settings(max_examples=150, deadline=None)
@given(**INTEGERS)
def test_integers_are_what_litert_gives(
    rounding, seed, types, shape, depth, power, beta, zero_point
):
    scale = f32(10**power) / (100 if types[0] == "int16" else 1)
    zero_point = zero_point if types[0] == "int8" else 0
    data = softmax(types, (*shape, depth), scale, beta, zero_point)
    x = drawn(np.random.default_rng(seed), types[0], (*shape, depth))
    equal(data, x, RUNTIMES[rounding](data)(x), rounding)


@settings(max_examples=60, deadline=None)
@given(**{**INTEGERS, "depth": st.integers(1, 40)})
def test_double_is_what_tflite_micro_calculates(seed, types, shape, depth, power, beta, zero_point):
    scale = f32(f32(10**power) / (100 if types[0] == "int16" else 1))
    zero_point = zero_point if types[0] == "int8" else 0
    data = softmax(types, (*shape, depth), scale, beta, zero_point)
    x = drawn(np.random.default_rng(seed), types[0], (*shape, depth))
    rows = x.reshape(-1, depth).tolist()
    if types[0] == "int16":
        made = [tflite_micro.softmax_int16_twice(row, scale, beta) for row in rows]
    else:
        bits = np.iinfo(types[1]).bits
        made = [tflite_micro.softmax_int8_twice(row, scale, beta, bits) for row in rows]
    equal(data, x, np.array(made, types[1]).reshape(x.shape), "tflite-micro")


def test_double_has_the_tables_of_tflite_micro():
    """They are calculated in float32, and two entries are not LiteRT's."""
    assert softmax_tables.interpolated_exponentials(fixed_point.f32) == tflite_micro.EXPONENTIALS
    assert softmax_tables.interpolated_reciprocals(fixed_point.f32) == tflite_micro.RECIPROCALS
    x = np.stack([np.zeros(2000), -np.arange(10500, 12500)], axis=1).astype(np.int16)
    scale = f32(1e-4)
    data = softmax(("int16", "int16"), x.shape, scale)
    expected = np.array([tflite_micro.softmax_int16_twice(row, scale, 1.0) for row in x.tolist()])
    equal(data, x, expected.astype(np.int16), "tflite-micro")
    assert (runtimes.builtin_ref(data)(x) != expected).any()


@pytest.mark.parametrize("types", OUTPUTS)
@pytest.mark.parametrize("rounding", ["litert", "xnnpack"])
@pytest.mark.parametrize("scale", [2.0**-20, 1e-3, 0.1, 1.0, 1e4])
def test_every_difference_and_the_ends_of_the_range(types, rounding, scale):
    limits = np.iinfo(types[0])
    numbers = np.linspace(limits.min, limits.max, 256).astype(types[0])
    rows = [np.stack([np.full(256, limits.max), numbers], 1), np.stack([numbers] * 2, 1)]
    x = np.concatenate(rows).astype(types[0])
    data = softmax(types, x.shape, scale)
    equal(data, x, RUNTIMES[rounding](data)(x), rounding)


@pytest.mark.parametrize("depth", [511, 512, 4096])
def test_long_rows_are_right_where_litert_stops_the_process(depth):
    """LiteRT fails a check when a row's exponentials add up to 512 or more."""
    x = np.zeros((1, depth), np.int8)
    for engine in runtimes.engines(softmax(("int8", "int8"), x.shape, 0.1)).values():
        assert set(engine.run(x).ravel().tolist()) == {-127 if depth == 511 else -128}


@pytest.mark.parametrize("rounding", ["litert", "xnnpack"])
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.lists(st.integers(1, 3), max_size=4).map(tuple),
    depth=st.integers(1, 200),
    size=st.sampled_from((0.1, 1.0, 10.0, 100.0, 1e30)),
    beta=st.just(1.0) | st.floats(0.1, 3).map(f32),
)
def test_float32_is_inside_its_bound(rounding, seed, shape, depth, size, beta):
    shape = (*shape, depth)
    x = (np.random.default_rng(seed).normal(size=shape) * size).astype(np.float32)
    data = softmax(("float32", "float32"), shape, beta=beta)
    powers = np.exp((x.astype(np.longdouble) - x.max(-1, keepdims=True)) * beta)
    exact = powers / powers.sum(-1, keepdims=True)
    answers = [engine.run(x) for engine in runtimes.engines(data, rounding=rounding).values()]
    for answer in answers:
        assert answer.tobytes() == answers[0].tobytes()
        assert (np.abs(answer - exact) <= exact * 2.0**-23 + 2.0**-149).all()
    # LiteRT rounds exponents, up to 88, and each sum to float32.
    np.testing.assert_allclose(
        answers[0], RUNTIMES[rounding](data)(x), rtol=(depth + 200) * 2.0**-24, atol=1e-37
    )


def test_tables_are_the_functions():
    exponentials = softmax_tables.interpolated_exponentials(float)
    expected = 32767.5 * np.exp(np.linspace(-10, 0, 513))
    assert np.abs(np.array(exponentials) - expected).max() <= 1.5
    fixed = np.array(softmax_tables.fixed_point_exponentials(0.05, 1.0)) / 2**31
    np.testing.assert_allclose(fixed, np.exp(-0.05 * np.arange(256)), atol=3e-7)


def test_a_chain_is_calculated_in_place():
    tensors = [
        runtimes.tensor("x", (2, 8), "int8", (0.1,), (3,)),
        runtimes.tensor("t", (2, 8), "int8", (0.2,), (5,)),
        runtimes.tensor("y", (2, 8), "int8", (2.0**-8,), (-128,)),
    ]
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    steps = [("ADD", schema.AddOptionsT(), [0, 0], 1), ("SOFTMAX", options, [1], 2)]
    data = runtimes.network(steps, tensors, version=2)
    x = drawn(np.random.default_rng(0), "int8", (2, 8))
    assert plan(read(data)).arena == 0
    equal(data, x, runtimes.builtin_ref(data)(x), "litert")


@pytest.mark.parametrize(
    ("types", "shape", "kinds", "message"),
    [
        (("int8", "int8"), (1, 4), {"scale": 0.1, "made": (2.0**-7, -128)}, "1/256, -128"),
        (("int8", "int16"), (1, 4), {"scale": 0.1, "made": (2.0**-15, 0)}, "1/65536, -32768"),
        (("int16", "int16"), (1, 4), {"scale": 0.1, "zero_point": 3}, "int16 the zero point 0"),
        (("int8", "int8"), (1, 4), {"scale": 2.0**-26}, "and over 2**-26 in int8"),
        (("int16", "int16"), (1, 4), {"scale": 2.0**17}, "of integers it is below 2**17"),
        (("int8", "int8"), (1, 4), {}, "integer inputs have one scale and zero point"),
        (("float32", "float32"), (1, 4), {"beta": 0.0}, "beta is positive"),
        (("float32", "float32"), (1, 4), {"beta": float("inf")}, "beta is positive"),
        (("int8", "int8"), (1, 4097), {"scale": 0.1}, "rows have 1 to 4,096 elements in int8"),
        (("float32", "float32"), (4, 0), {}, "is constant, empty or a scalar"),
        (("int16", "int8"), (1, 4), {"scale": 0.1}, "input and output are int8 and int8"),
    ],
)
def test_limits_are_told(types, shape, kinds, message):
    if types == ("int16", "int8"):
        kinds = {**kinds, "made": (2.0**-8, -128)}
    with pytest.raises(ModelError) as error:
        plan(read(softmax(types, shape, **kinds)))
    assert message in str(error.value)
