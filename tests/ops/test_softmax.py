"""SOFTMAX: every engine against LiteRT, and TFLite Micro's arithmetic."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import trials
from edge_runtime import ModelError, fixed_point
from edge_runtime.ops import softmax_tables
from edge_runtime.planner import plan
from edge_runtime.reader import read
from micro_arithmetic import (
    cround,
    divide_by_power,
    exp_on_negative_values,
    high_multiply,
    int32,
    multiply,
    newton_raphson,
    quantize_multiplier,
    saturating_left,
)
from runtimes import drawn, equal, f32
from trials import Trial, between

OUTPUTS = {
    ("int8", "int8"): (2.0**-8, -128),
    ("int8", "int16"): (2.0**-16, -32768),
    ("uint8", "uint8"): (2.0**-8, 0),
    ("uint8", "int16"): (2.0**-16, -32768),
    ("int16", "int16"): (2.0**-15, 0),
}


def softmax(types, shape, scale=0.0, beta=1.0, zero_point=0, output=None):
    quantized = (scale, zero_point), (output or OUTPUTS.get(types, ()))
    tensors = [
        build.tensor(shape, dtype, *(pair if scale else ()), name=name)
        for name, dtype, pair in zip("xy", types, quantized, strict=True)
    ]
    return build.model(tensors, [("SOFTMAX", [0], 1, {"beta": beta})])


SEEDS = {
    "SOFTMAX float32": softmax(("float32", "float32"), (2, 19)),
    "SOFTMAX int8": softmax(("int8", "int8"), (2, 19), 0.05, zero_point=5),
    "SOFTMAX int8 int16": softmax(("int8", "int16"), (2, 19), 0.05, zero_point=5),
    "SOFTMAX uint8": softmax(("uint8", "uint8"), (2, 19), 0.05, zero_point=133),
    "SOFTMAX uint8 int16": softmax(("uint8", "int16"), (2, 19), 0.05, zero_point=133),
    "SOFTMAX int16": softmax(("int16", "int16"), (2, 19), 0.05),
}

MICRO = [types for types in OUTPUTS if "uint8" not in types]
"""Those that TFLite Micro has."""

INTEGERS = {
    "seed": st.integers(0, 2**32 - 1),
    "types": st.sampled_from(tuple(OUTPUTS)),
    "shape": st.lists(st.integers(1, 3), max_size=4).map(tuple),
    "depth": st.integers(1, 30) | st.integers(30, 511),
    "power": st.floats(-5, 1),
    "beta": st.just(1.0) | st.floats(0.1, 3).map(f32),
    "zero_point": st.integers(-128, 127),
}


def peer(types, rounding):
    """Return the runtime whose bytes a rounding gives; uint8 always has LiteRT's."""
    return runtimes.PEERS["litert" if types[0] == "uint8" else rounding]


def float_trial(rng):
    """Short rows of which many are calculated together, rows of more than that, and in between."""
    depth = between(rng, 1, 20) if rng.integers(4) else between(rng, 21, 700)
    rows = between(rng, 1, 60) if depth < 21 else between(rng, 1, 3)
    beta = np.float32(rng.choice([1.0, 0.3, 7.0]))
    trial = trials.unary_floats()(rng)
    numbers = np.resize(rng.permutation(trial.tensors[0]), rows * depth)
    if rng.integers(2):
        scale = 10.0 ** rng.uniform(-2, 2.5)
        numbers = (rng.standard_normal(rows * depth) * scale).astype(np.float32)
    return Trial([rows, depth, int(beta.view(np.int32))], [numbers], [], [numbers.nbytes])


def byte_trial(rng):
    """Rows that are calculated side by side, and longer ones."""
    depth = between(rng, 1, 20) if rng.integers(4) else between(rng, 21, 130)
    rows = between(rng, 1, 40) if depth < 65 else between(rng, 1, 3)
    table = softmax_tables.fixed_point_exponentials(f32(10 ** rng.uniform(-5, 1)), 1.0)
    numbers = trials.int8s(rng, rows * depth)
    return Trial([rows, depth], [numbers, np.array(table, np.int32)], [1], [rows * depth])


TRIALS = {
    "softmax_float32": float_trial,
    "softmax_int8_twice": byte_trial,
    "softmax_uint8_twice": byte_trial,
}


@pytest.mark.parametrize("rounding", ["litert", "xnnpack"])
@settings(max_examples=150, deadline=None)
@given(**INTEGERS)
def test_integers_are_what_litert_gives(
    rounding, seed, types, shape, depth, power, beta, zero_point
):
    scale = f32(10**power) / (100 if types[0] == "int16" else 1)
    zero_point = {"int8": zero_point, "uint8": zero_point + 128, "int16": 0}[types[0]]
    data = softmax(types, (*shape, depth), scale, beta, zero_point)
    x = drawn(np.random.default_rng(seed), types[0], (*shape, depth))
    equal(data, x, peer(types, rounding)(data)(x), rounding)


def one_over_one_plus(a: int) -> int:
    """one_over_one_plus_x_for_x_in_0_1."""
    return saturating_left(newton_raphson(a), 1)


def micro_int8(row: Sequence[int], scale: float, beta: float, bits: int) -> list[int]:
    """SOFTMAX of int8 with an output of ``bits`` bits in TFLite Micro (softmax.h)."""
    real = min(beta * scale * 2**26, 2**31 - 1.0)
    multiplier, shift = quantize_multiplier(real)
    least = -math.floor(31 * 2**26 / 2**shift)
    largest = max(row)

    def power(x: int) -> int:
        return exp_on_negative_values(high_multiply((x - largest) * 2**shift, multiplier), 5)

    total = sum(divide_by_power(power(x), 12) for x in row if x - largest >= least)
    zeros = 32 - total.bit_length()
    scaled = one_over_one_plus((total << zeros) - 2**31)
    exponent = 12 - zeros + 31 - bits
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    result = []
    for x in row:
        value = 0
        if x - largest >= least:
            value = divide_by_power(high_multiply(scaled, power(x)), exponent)
        result.append(min(highest, value + lowest))
    return result


def interpolated(
    function: Callable[[np.float32], np.float32], first: float, last: float
) -> list[int]:
    """LUTPopulateInt16<float> with an output range from -1 to 1."""
    f = np.float32
    output = f(2) / f(65535)
    inverse = f(65536) / (output * f(32767) - output * f(-32768))
    low, high = f(first), f(last)
    step = (high - low) / f(512)
    half = step / f(2)

    def at(x: np.float32) -> np.float32:
        return function(x) * inverse

    table = []
    for i in range(512):
        value = f(cround(float(at(low + f(i) * step))))
        following = at(low + f(i + 1) * step)
        between = f(cround(float((following + value) / f(2))))
        middle = f(cround(float(at(low + f(i) * step + half))))
        table.append(int(value) - cround(float((between - middle) / f(2))))
    table.append(cround(float(at(high))))
    return [max(-32768, min(32767, entry)) for entry in table]


def float_exp(x: np.float32) -> np.float32:
    return np.float32(math.exp(float(x)))


def float_reciprocal(x: np.float32) -> np.float32:
    return np.float32(1) / (np.float32(1) + x)


UNIT = np.float32(10) / np.float32(65535)
EXPONENTIALS = interpolated(float_exp, float(UNIT * np.float32(-65535)), 0.0)
RECIPROCALS = interpolated(
    float_reciprocal, 0.0, float(np.float32(1) / np.float32(65535) * np.float32(65535))
)


def looked_up(value: int, table: list[int]) -> int:
    """LUTLookup."""
    value = max(-32768, min(32767, value))
    index = 256 + (value >> 7)
    return table[index] + (((table[index + 1] - table[index]) * (value & 127) + 64) >> 7)


def micro_int16(row: Sequence[int], scale: float, beta: float) -> list[int]:
    """SOFTMAX of int16 in TFLite Micro (softmax.h)."""
    multiplier, shift = quantize_multiplier(scale * beta / (10 / 65535))
    largest = max(row)
    powers = [
        looked_up(int32(multiply(x - largest, multiplier, shift) + 32767), EXPONENTIALS)
        for x in row
    ]
    total = sum(powers)
    zeros = 32 - total.bit_length()
    shifted = ((total << (zeros - 1)) + 2**13) >> 14
    factor = looked_up(shifted - 2**15 - 2**16, RECIPROCALS)
    right = 31 - zeros
    return [max(0, min(32767, (power * factor + 2 ** (right - 1)) >> right)) for power in powers]


@settings(max_examples=60, deadline=None)
@given(**{**INTEGERS, "types": st.sampled_from(MICRO), "depth": st.integers(1, 40)})
def test_double_is_what_tflite_micro_calculates(seed, types, shape, depth, power, beta, zero_point):
    scale = f32(f32(10**power) / (100 if types[0] == "int16" else 1))
    zero_point = zero_point if types[0] == "int8" else 0
    data = softmax(types, (*shape, depth), scale, beta, zero_point)
    x = drawn(np.random.default_rng(seed), types[0], (*shape, depth))
    rows = x.reshape(-1, depth).tolist()
    if types[0] == "int16":
        expected = [micro_int16(row, scale, beta) for row in rows]
    else:
        bits = np.iinfo(types[1]).bits
        expected = [micro_int8(row, scale, beta, bits) for row in rows]
    equal(data, x, np.array(expected, types[1]).reshape(x.shape), "tflite-micro")


def test_double_has_the_tables_of_tflite_micro():
    """They are calculated in float32, and two entries are not LiteRT's."""
    assert softmax_tables.interpolated_exponentials(fixed_point.f32) == EXPONENTIALS
    assert softmax_tables.interpolated_reciprocals(fixed_point.f32) == RECIPROCALS
    x = np.stack([np.zeros(2000), -np.arange(10500, 12500)], axis=1).astype(np.int16)
    scale = f32(1e-4)
    data = softmax(("int16", "int16"), x.shape, scale)
    expected = np.array([micro_int16(row, scale, 1.0) for row in x.tolist()])
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
    equal(data, x, peer(types, rounding)(data)(x), rounding)


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
        answers[0], runtimes.PEERS[rounding](data)(x), rtol=(depth + 200) * 2.0**-24, atol=1e-37
    )


def test_tables_are_the_functions():
    exponentials = softmax_tables.interpolated_exponentials(float)
    expected = 32767.5 * np.exp(np.linspace(-10, 0, 513))
    assert np.abs(np.array(exponentials) - expected).max() <= 1.5
    fixed = np.array(softmax_tables.fixed_point_exponentials(0.05, 1.0)) / 2**31
    np.testing.assert_allclose(fixed, np.exp(-0.05 * np.arange(256)), atol=3e-7)


def test_a_chain_is_calculated_in_place():
    tensors = [
        build.tensor((2, 8), "int8", 0.1, 3),
        build.tensor((2, 8), "int8", 0.2, 5),
        build.tensor((2, 8), "int8", 2.0**-8, -128),
    ]
    ops = [("ADD", [0, 0], 1, {}), ("SOFTMAX", [1], 2, {"beta": 1.0})]
    data = build.model(tensors, ops)
    x = drawn(np.random.default_rng(0), "int8", (2, 8))
    assert plan(read(data)).arena == 0
    equal(data, x, runtimes.builtin_ref(data)(x), "litert")


@pytest.mark.parametrize(
    ("types", "shape", "kinds", "message"),
    [
        (
            ("int8", "int8"),
            (1, 4),
            {"scale": 0.1, "output": (2.0**-7, -128)},
            "1/256, -128 (uint8: 0)",
        ),
        (("int8", "int16"), (1, 4), {"scale": 0.1, "output": (2.0**-15, 0)}, "1/65536, -32768"),
        (("int16", "int16"), (1, 4), {"scale": 0.1, "zero_point": 3}, "int16 the zero point 0"),
        (("int8", "int8"), (1, 4), {"scale": 2.0**-26}, "of 8 bits over 2**-26"),
        (("int16", "int16"), (1, 4), {"scale": 2.0**17}, "of integers it is below 2**17"),
        (("int8", "int8"), (1, 4), {}, "integer inputs have one scale and zero point"),
        (("float32", "float32"), (1, 4), {"beta": 0.0}, "beta is positive"),
        (("float32", "float32"), (1, 4), {"beta": float("inf")}, "beta is positive"),
        (("int8", "int8"), (1, 4097), {"scale": 0.1}, "rows have 1 to 4,096 elements of 8"),
        (("float32", "float32"), (4, 0), {}, "is constant or empty"),
        (("int16", "int8"), (1, 4), {"scale": 0.1}, "input and output are both int8"),
    ],
)
def test_limits_are_told(types, shape, kinds, message):
    if types == ("int16", "int8"):
        kinds = {**kinds, "output": (2.0**-8, -128)}
    with pytest.raises(ModelError) as error:
        plan(read(softmax(types, shape, **kinds)))
    assert message in str(error.value)
