"""QUANTIZE: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import build
import runtimes
import trials
import unary
from edge_runtime.planner import plan
from edge_runtime.reader import read
from micro_arithmetic import requantize
from runtimes import equal, f32
from trials import Trial, between
from unary import FLOAT, compare, compare_micro, factors, int8s, moved, roundings, scales


def seeds():
    models = {}
    for pair in (
        ("float32", "int8"),
        ("float32", "int16"),
        ("int8", "int8"),
        ("int16", "int8"),
        ("int16", "int16"),
        ("int8", "int16"),
        ("int16", "int32"),
        ("int32", "int8"),
        ("int32", "int16"),
    ):
        tensors = [
            build.tensor((3, 11), dtype, 0.0 if dtype == "float32" else scale)
            for dtype, scale in zip(pair, (0.05, 0.07), strict=True)
        ]
        models[f"QUANTIZE {' '.join(pair)}"] = build.model(tensors, [("QUANTIZE", [0], 1, {})])
    return models


SEEDS = seeds()


def trial(rng):
    """Numbers of any size, also halves of steps."""
    scale = np.float32(2.0 ** rng.uniform(-8, 2) if rng.integers(2) else 0.25)
    numbers = trials.unary_floats()(rng).tensors[0]
    if rng.integers(2):
        numbers = (rng.integers(-600, 600, len(numbers)) * scale / 2).astype(np.float32)
    low = int(rng.choice([-128, 0]))
    limits = [low, low + 255]
    params = [len(numbers), int(scale.view(np.int32)), between(rng, *limits), *limits]
    return Trial(params, [numbers], [], [len(numbers)])


def table_trial(rng):
    numbers = trials.int8s(rng, between(rng, 1, 200))
    table = rng.integers(-128, 128, 256, np.int8)
    return Trial([len(numbers)], [numbers, table], [1], [len(numbers)])


TRIALS = {"quantize_int8": trial, "lookup_int8": table_trial}


@settings(max_examples=200, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, a=int8s, b=int8s,
       source=st.sampled_from(["int8", "uint8"]),
       output=st.sampled_from(["int8", "uint8", "int16"]))  # fmt: skip
def test_8_bits(rounding, scale, factor, a, b, source, output):
    # Of all but the last elements LiteRT's optimised kernels round halves another way there.
    assume(rounding == "litert" or output in (source, "int16"))
    a += 128 * (source == "uint8")
    b = 0 if output == "int16" else b + 128 * (output == "uint8")
    compare("QUANTIZE", (source, scale, a), (output, f32(scale * factor), b), rounding)


@pytest.mark.parametrize("rounding", unary.ROUNDINGS)
@pytest.mark.parametrize("pair", [("int8", "uint8"), ("uint8", "int8")])
def test_the_sign_moved_at_the_same_scale(rounding, pair):
    zero_points = [5 + 128 * (dtype == "uint8") for dtype in pair]
    (a, b), (x, y) = zero_points, pair
    compare("QUANTIZE", (x, 0.25, a), (y, 0.25, b), rounding)


@settings(max_examples=30, deadline=None)
@given(rounding=roundings, scale=scales, factor=factors, b=int8s,
       output=st.sampled_from(["int8", "int16", "int32"]))  # fmt: skip
def test_int16(rounding, scale, factor, b, output):
    compare(
        "QUANTIZE", ("int16", scale, 0), (output, f32(scale * factor), moved(output, b)), rounding
    )


@settings(max_examples=20, deadline=None)
@given(rounding=roundings, scale=scales, power=st.floats(-30, 8), b=int8s,
       output=st.sampled_from(["int8", "int16"]))  # fmt: skip
def test_int32(rounding, scale, power, b, output):
    to = (output, f32(scale / 2**power), moved(output, b))
    compare("QUANTIZE", ("int32", scale, 0), to, rounding)


@settings(max_examples=100, deadline=None)
@given(rounding=roundings, scale=scales, zero_point=int8s, seed=st.integers(0, 2**32 - 1),
       dtype=st.sampled_from(["int8", "uint8", "int16"]))  # fmt: skip
def test_float32(rounding, scale, zero_point, seed, dtype):
    zero_point = {"int8": zero_point, "uint8": zero_point + 128, "int16": 0}[dtype]
    limits, rng = np.iinfo(dtype), np.random.default_rng(seed)
    whole = np.arange(limits.min, limits.max, 1 if limits.bits == 8 else 97) - zero_point
    special = [0.49999997, -0.49999997, 1e-30, 2.0**30, -(2.0**30)]
    spread = rng.uniform(2 * limits.min - 9, 2 * limits.max, 1000)
    steps = np.concatenate([whole, whole + 0.5, spread, special])
    x = (steps * scale).astype(np.float32)[None]
    data = build.unary("QUANTIZE", FLOAT, (dtype, scale, zero_point), x.size)
    equal(data, x, runtimes.PEERS[rounding](data)(x), rounding)


@pytest.mark.parametrize("rounding", ["litert", "xnnpack", "tflite-micro"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_float32_beyond_all_limits(rounding, dtype):
    x = np.array([[3e38, 1e30, 2.0**40, -(2.0**40), -3e38]], np.float32)
    data = build.unary("QUANTIZE", FLOAT, (dtype, 0.001, 0), x.size)
    high, low = np.iinfo(dtype).max, np.iinfo(dtype).min
    for engine in runtimes.engines(data, rounding=rounding).values():
        assert engine.run(x).tolist() == [[high, high, high, low, low]]


PAIRS = [("int8", "int8", 1), ("int8", "uint8", 1), ("uint8", "int8", 1), ("int8", "int16", 1),
         ("int16", "int8", 37), ("int16", "int16", 37)]  # fmt: skip


@pytest.mark.parametrize(("source", "output", "step"), PAIRS)
@settings(max_examples=40, deadline=None)
@given(scale=scales, factor=factors, a=int8s, b=int8s)
def test_integers_are_those_of_tflite_micro(source, output, step, scale, factor, a, b):
    a = {"int8": a, "uint8": a + 128, "int16": 0}[source]
    b = {"int8": b, "uint8": b + 128, "int16": 0}[output]
    before, after, limits = (scale, a), (f32(scale * factor), b), np.iinfo(output)
    compare_micro("QUANTIZE", (source, *before), (output, *after),
                  lambda x: requantize(x, before, after, (limits.min, limits.max)),
                  step)  # fmt: skip


@pytest.mark.parametrize("rounding", ["litert", "xnnpack", "tflite-micro"])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_extreme_scales_run_or_are_refused(dtype, rounding):
    unary.check_extreme_scales("QUANTIZE", dtype, rounding)


def test_in_place():
    unary.check_in_place("QUANTIZE", ("uint8", 0.02, 5), ("int8", 0.01, 9))


def test_no_kernel_between_sizes_works_in_place():
    for source, output in [(("int16", 0.1, 0), ("int8", 0.1, 0)), (FLOAT, ("int8", 0.1, 0)),
                           (("int8", 0.1, 0), ("int16", 0.1, 0))]:  # fmt: skip
        (step,) = plan(read(build.unary("QUANTIZE", source, output, 4))).steps
        assert not step.kernel.in_place


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [
        (("int16", 0.1, 0), ("uint8", 0.1, 0), "here it is int16 to uint8"),
        (("int32", 0.1, 1), ("int8", 0.1, 0), "zero point of int32 is 0; here it is 1"),
        (("int16", 0.1, 2), ("int8", 0.1, 0), "int16 the zero point 0"),
        (FLOAT, ("int8", 1e-39, 0), "at least 2..-126; here it is 1"),
        (FLOAT, ("int8", 0, 0), "one scale and zero point.* None"),
    ],
)
def test_limits_are_told(source, output, message):
    unary.check_refused("QUANTIZE", source, output, message)
