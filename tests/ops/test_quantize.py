"""Elementwise ops of integers: every value, against LiteRT's reference kernels and XNNPACK."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import edge_runtime
import runtimes

PEERS = {"litert": runtimes.builtin_ref, "xnnpack": runtimes.xnnpack}
HALVES_MAY_DIFFER = 1e-4
"""LiteRT takes exp and tanh from the machine's C library, whose last bit is not always right: in
steps of the output's scale, this near to a half its table may be one off."""


def f32(value):
    return float(np.float32(value))


def every(dtype):
    limits = np.iinfo(dtype)
    return np.arange(limits.min, limits.max + 1).astype(dtype)[None]


def compare(op, given_type, made_type, rounding="litert", doubtful=None, **options):
    """Compare all engines with the runtime that ``rounding`` names, over all values."""
    x = every(given_type[0])
    data = runtimes.unary(op, given_type, made_type, x.size, **options)
    expected = PEERS[rounding](data)(x)
    for name, engine in runtimes.engines(data, rounding=rounding).items():
        answer = engine.run(x)
        assert answer.dtype == expected.dtype
        if doubtful is None:
            np.testing.assert_array_equal(answer, expected, err_msg=name)
        else:
            difference = np.abs(answer.astype(int) - expected)
            assert difference[~doubtful].max(initial=0) == 0, name
            assert difference.max() <= 1, name


def near_half(values, scale):
    """Tell where float values are so near to a half of ``scale`` that libraries may differ."""
    return np.abs(values / scale % 1 - 0.5) < HALVES_MAY_DIFFER


scales = st.floats(-4, 1).map(lambda power: f32(10**power))
factors = st.floats(-7, 7).map(lambda power: 2**power) | st.integers(1, 24).map(lambda n: n / 8)
"""Ratios of scales; those with few bits have halves to round."""
sixteenths = st.integers(-40, 40).map(lambda n: n / 16)
int8s = st.integers(-128, 127)
roundings = st.sampled_from(list(PEERS))


@settings(max_examples=100, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, same=st.booleans(), a=int8s, b=int8s,
       op=st.sampled_from(["RELU", "RELU6", "RELU_N1_TO_1"]))  # fmt: skip
def test_relus_of_int8(rounding, scale, factor, same, a, b, op):
    made = ("int8", scale, a) if same else ("int8", f32(scale * factor), b)
    compare(op, ("int8", scale, a), made, rounding)


@settings(max_examples=100, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, a=int8s, b=int8s,
       alpha=st.floats(-300, 300) | st.floats(-0.01, 0.01) | sixteenths)  # fmt: skip
def test_leaky_relu_of_int8(rounding, scale, factor, a, b, alpha):
    made = ("int8", f32(scale * factor), b)
    compare("LEAKY_RELU", ("int8", scale, a), made, rounding, alpha=f32(alpha))


@settings(max_examples=100, deadline=None)
@given(rounding=roundings, scale=scales, zero_point=int8s)
def test_logistic_of_int8(rounding, scale, zero_point):
    real = f32(scale) * (every("int8") - float(zero_point))
    doubtful = near_half(1 / (1 + np.exp(-np.clip(real, -80, 80))), 1 / 256)
    doubtful &= real != 0
    compare("LOGISTIC", ("int8", scale, zero_point), ("int8", 1 / 256, -128), rounding, doubtful)


@settings(max_examples=100, deadline=None)
@given(rounding=roundings, scale=scales, made=st.floats(0.002, 0.1) | st.just(1 / 128),
       a=int8s, b=int8s)  # fmt: skip
def test_tanh_of_int8(rounding, scale, made, a, b):
    real = np.tanh(scale * (every("int8") - float(a)))
    doubtful = near_half(real, f32(made)) & (np.abs(real) < 1)
    compare("TANH", ("int8", scale, a), ("int8", f32(made), b), rounding, doubtful)


# Where float32, double and the order of adding the zero point make a difference.
RARE = [
    ("LOGISTIC", 0.02789, -57, (1 / 256, -128)),
    ("LOGISTIC", 0.10165, 46, (1 / 256, -128)),
    ("LOGISTIC", 0.02033, 113, (1 / 256, -128)),
    ("LOGISTIC", 0.00535, -126, (1 / 256, -128)),
    ("TANH", 0.1739, 53, (0.016, -39)),
    ("TANH", 0.0963, -36, (0.0084, 76)),
    ("TANH", 0.1679, -103, (0.016, 37)),
]


@pytest.mark.parametrize("rounding", PEERS)
@pytest.mark.parametrize(("op", "scale", "zero_point", "made"), RARE)
def test_rare_roundings_of_int8(rounding, op, scale, zero_point, made):
    compare(op, ("int8", scale, zero_point), ("int8", *made), rounding)


@settings(max_examples=200, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, a=int8s, b=int8s,
       given_type=st.sampled_from(["int8", "uint8"]),
       made_type=st.sampled_from(["int8", "uint8", "int16"]))  # fmt: skip
def test_8_bits_requantised(rounding, scale, factor, a, b, given_type, made_type):
    # Of all but the last elements LiteRT's optimised kernels round halves another way there.
    assume(rounding == "litert" or made_type in (given_type, "int16"))
    a += 128 * (given_type == "uint8")
    b = 0 if made_type == "int16" else b + 128 * (made_type == "uint8")
    compare("QUANTIZE", (given_type, scale, a), (made_type, f32(scale * factor), b), rounding)


@pytest.mark.parametrize("rounding", PEERS)
@pytest.mark.parametrize("pair", [("int8", "uint8"), ("uint8", "int8")])
def test_the_sign_moved_at_the_same_scale(rounding, pair):
    zero_points = [5 + 128 * (dtype == "uint8") for dtype in pair]
    (a, b), (x, y) = zero_points, pair
    compare("QUANTIZE", (x, 0.25, a), (y, 0.25, b), rounding)


@settings(max_examples=30, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, b=int8s,
       made_type=st.sampled_from(["int8", "int16"]))  # fmt: skip
def test_int16_requantised(rounding, scale, factor, b, made_type):
    made = (made_type, f32(scale * factor), b if made_type == "int8" else 0)
    compare("QUANTIZE", ("int16", scale, 0), made, rounding)


@settings(max_examples=30, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, op=st.sampled_from(["RELU", "RELU6"]))
def test_relus_of_int16(rounding, scale, factor, op):
    compare(op, ("int16", scale, 0), ("int16", f32(scale * factor), 0), rounding)


@settings(max_examples=30, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, alpha=st.floats(-3, 3) | sixteenths)
def test_leaky_relu_of_int16(rounding, scale, factor, alpha):
    made = ("int16", f32(scale * factor), 0)
    compare("LEAKY_RELU", ("int16", scale, 0), made, rounding, alpha=f32(alpha))


@settings(max_examples=60, deadline=None)
@given(rounding=roundings, op=st.sampled_from(["LOGISTIC", "TANH"]),
       scale=st.sampled_from([2**-10, 2**-11, 2**-12, 2**-13, f32(2**-12 * 1.0005), 1e-12, 2.6])
       | st.floats(-9, 0.4).map(lambda power: 10**power))  # fmt: skip
def test_sigmoids_of_int16(rounding, op, scale):
    compare(op, ("int16", f32(scale), 0), ("int16", 2**-15, 0), rounding)


@settings(max_examples=60, deadline=None)
@given(rounding=roundings, power=st.floats(-30, 30), zero_point=int8s,
       dtype=st.sampled_from(["int8", "uint8", "int16"]))  # fmt: skip
def test_dequantised(rounding, power, zero_point, dtype):
    zero_point = {"int8": zero_point, "uint8": zero_point + 128, "int16": 0}[dtype]
    compare("DEQUANTIZE", (dtype, f32(10**power), zero_point), ("float32", 0, 0), rounding)


@settings(max_examples=100, deadline=None)
@given(rounding=roundings, scale=scales, zero_point=int8s, seed=st.integers(0, 2**32 - 1),
       dtype=st.sampled_from(["int8", "uint8", "int16"]))  # fmt: skip
def test_quantised(rounding, scale, zero_point, seed, dtype):
    zero_point = {"int8": zero_point, "uint8": zero_point + 128, "int16": 0}[dtype]
    limits, rng = np.iinfo(dtype), np.random.default_rng(seed)
    whole = np.arange(limits.min, limits.max, 1 if limits.bits == 8 else 97) - zero_point
    special = [0.49999997, -0.49999997, 1e-30, 2.0**30, -(2.0**30)]
    spread = rng.uniform(2 * limits.min - 9, 2 * limits.max, 1000)
    steps = np.concatenate([whole, whole + 0.5, spread, special])
    x = (steps * scale).astype(np.float32)[None]
    data = runtimes.unary("QUANTIZE", ("float32", 0, 0), (dtype, scale, zero_point), x.size)
    expected = PEERS[rounding](data)(x)
    for name, engine in runtimes.engines(data, rounding=rounding).items():
        np.testing.assert_array_equal(engine.run(x), expected, err_msg=name)


@pytest.mark.parametrize("rounding", ["litert", "xnnpack", "tflite-micro"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_quantised_beyond_all_limits(rounding, dtype):
    x = np.array([[3e38, 1e30, 2.0**40, -(2.0**40), -3e38]], np.float32)
    data = runtimes.unary("QUANTIZE", ("float32", 0, 0), (dtype, 0.001, 0), x.size)
    high, low = np.iinfo(dtype).max, np.iinfo(dtype).min
    for engine in runtimes.engines(data, rounding=rounding).values():
        assert engine.run(x).tolist() == [[high, high, high, low, low]]


EXTREMES = (1e-45, 1.2e-38, 1e-20, 1e20, 3.4e38)


@pytest.mark.parametrize("rounding", ["litert", "xnnpack", "tflite-micro"])
@pytest.mark.parametrize("op", ["TANH", "LOGISTIC", "RELU", "RELU6", "LEAKY_RELU", "QUANTIZE"])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_extreme_scales_run_or_are_refused(dtype, op, rounding):
    options = {"alpha": -1e30} if op == "LEAKY_RELU" else {}
    fixed = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
    x, refused = every(dtype), 0
    for scale, other in itertools.product(EXTREMES, EXTREMES):
        made = (other, 0) if op not in fixed else fixed[op] if dtype == "int8" else (2**-15, 0)
        data = runtimes.unary(op, (dtype, scale, 0), (dtype, *made), x.size, **options)
        try:
            engines = runtimes.engines(data, rounding=rounding)
        except edge_runtime.ModelError:
            refused += 1
            continue
        reference = engines.pop("reference").run(x)
        for engine in engines.values():
            np.testing.assert_array_equal(engine.run(x), reference)
    assert (refused == len(EXTREMES) ** 2) == (op in fixed and dtype == "int16")
