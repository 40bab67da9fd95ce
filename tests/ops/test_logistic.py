"""Elementwise ops of float32, refusals, and kernels that work in place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import runtimes
from edge_runtime import ModelError, kernels
from edge_runtime.backends import native, reference
from edge_runtime.planner import plan
from edge_runtime.reader import read
from edge_runtime.record import replace

FLOAT = ("float32", 0, 0)


def numbers(seed=0):
    """Return finite float32 numbers of every size and sign, denormal ones too."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**32, 200_000, dtype=np.uint32).view(np.float32)
    near = rng.normal(size=100_000).astype(np.float32) * rng.choice([1e-3, 1, 10], 100_000)
    special = [
        0,
        -0.0,
        2**-12,
        -(2**-12),
        np.nextafter(np.float32(2**-12), np.float32(0)),
        88,
        -104,
    ]
    x = np.concatenate([bits, near.astype(np.float32), np.array(special, np.float32)])
    return x[np.isfinite(x)][None]


def opened(op, x, **options):
    return runtimes.unary(op, FLOAT, FLOAT, x.size, **options)


def ulps(answer, true, least=0.0):
    """Return the largest error in units of the last place of float32."""
    true = np.asarray(true, np.longdouble)
    size = np.maximum(np.abs(true), least).astype(np.float32)
    return (np.abs(answer - true) / np.spacing(size)).max()


TRUE = {"TANH": np.tanh, "LOGISTIC": lambda x: 1 / (1 + np.exp(-x))}


EXACT_FROM = {"TANH": -np.inf, "LOGISTIC": -9}
"""Below this LiteRT's reference kernel takes exp(x) for the logistic function."""


@pytest.mark.parametrize(("op", "least"), [("TANH", 0.0), ("LOGISTIC", 1e-37)])
def test_float_functions_are_rounded_nearly_rightly(op, least):
    x = numbers()
    data = opened(op, x)
    expected = runtimes.builtin_ref(data)(x)
    engines = runtimes.engines(data)
    answer = engines.pop("reference").run(x)

    with np.errstate(over="ignore"):
        assert ulps(answer, TRUE[op](x.astype(np.longdouble)), least) < 0.501
    usual = x >= EXACT_FROM[op]
    assert ulps(expected[usual], answer[usual], least) <= 4
    np.testing.assert_allclose(expected[~usual], answer[~usual], rtol=1.3e-4, atol=1e-37)
    for engine in engines.values():
        assert engine.run(x).tobytes() == answer.tobytes()


@pytest.mark.parametrize("op", ["RELU", "RELU6", "RELU_N1_TO_1"])
def test_float_relus_are_those_of_litert(op):
    x = numbers()
    data = opened(op, x)
    expected = runtimes.builtin_ref(data)(x)
    for engine in runtimes.engines(data).values():
        np.testing.assert_array_equal(engine.run(x), expected)


@settings(max_examples=10, deadline=None)
@given(alpha=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float_leaky_relu_is_that_of_litert(alpha):
    x = numbers()
    data = opened("LEAKY_RELU", x, alpha=alpha)
    expected = runtimes.builtin_ref(data)(x)
    for engine in runtimes.engines(data).values():
        assert engine.run(x).tobytes() == expected.tobytes()


def test_what_is_not_a_number_has_the_same_bytes_everywhere():
    x = np.array([[np.nan, np.inf, -np.inf, 1.0]], np.float32)
    for op, options in [
        ("TANH", {}),
        ("LOGISTIC", {}),
        ("RELU6", {}),
        ("LEAKY_RELU", {"alpha": 0.5}),
    ]:
        (step,) = plan(read(opened(op, x, **options))).steps
        expected = kernels.run(step.kernel.name, step.kernel.params, x.ravel())
        assert run_twice(op, FLOAT, FLOAT, x, once=True, **options) == expected.tobytes()


PLACES = [
    ("LOGISTIC", ("int8", 0.05, 3), ("int8", 1 / 256, -128), {}),
    ("LOGISTIC", ("int16", 0.0003, 0), ("int16", 2**-15, 0), {}),
    ("LOGISTIC", ("int16", 2**-12, 0), ("int16", 2**-15, 0), {}),
    ("LOGISTIC", FLOAT, FLOAT, {}),
    ("TANH", ("int16", 0.0003, 0), ("int16", 2**-15, 0), {}),
    ("TANH", ("int16", 2**-11, 0), ("int16", 2**-15, 0), {}),
    ("TANH", FLOAT, FLOAT, {}),
    ("RELU", ("int16", 0.02, 0), ("int16", 0.01, 0), {}),
    ("RELU", FLOAT, FLOAT, {}),
    ("LEAKY_RELU", ("int16", 0.02, 0), ("int16", 0.01, 0), {"alpha": -0.3}),
    ("LEAKY_RELU", FLOAT, FLOAT, {"alpha": -0.3}),
    ("QUANTIZE", ("uint8", 0.02, 5), ("int8", 0.01, 9), {}),
]


def run_twice(op, given_type, made_type, x, *, once=False, rounding="xnnpack", **options):
    """Return the bytes of two runs of an op, the second of which works in place."""
    graph = read(runtimes.unary(op, given_type, made_type, x.size, **options))
    made = plan(graph, rounding)
    (step,) = made.steps
    assert step.kernel.in_place
    again = replace(step, slots=(made.output, *step.slots[1:-1], made.output))
    made = replace(made, steps=(step,) if once else (step, again))
    output = native.NativeSession(graph, made, native._extension(), None).run(x.tobytes())
    return output.tobytes()


@pytest.mark.parametrize(("op", "given_type", "made_type", "options"), PLACES)
def test_in_place(op, given_type, made_type, options):
    if given_type == FLOAT:
        x = numbers()
    else:
        limits = np.iinfo(given_type[0])
        x = np.arange(limits.min, limits.max + 1).astype(given_type[0])[None]
    graph = read(runtimes.unary(op, given_type, made_type, x.size, **options))
    (step,) = plan(graph, "xnnpack").steps
    constants = [np.frombuffer(one.data, one.dtype) for one in step.kernel.constants]
    expected = x.ravel()
    for _ in range(2):
        expected = kernels.run(step.kernel.name, step.kernel.params, expected, *constants)

    assert run_twice(op, given_type, made_type, x, **options) == expected.tobytes()


def test_no_kernel_between_sizes_works_in_place():
    for given_type, made_type in [(("int16", 0.1, 0), ("int8", 0.1, 0)), (FLOAT, ("int8", 0.1, 0)),
                                  (("int8", 0.1, 0), ("int16", 0.1, 0))]:  # fmt: skip
        (step,) = plan(read(runtimes.unary("QUANTIZE", given_type, made_type, 4))).steps
        assert not step.kernel.in_place


REFUSED = [
    ("LOGISTIC", ("int8", 0.1, 0), ("int8", 1 / 128, 0), {}, "litert", "the output 1/256 and -128"),
    ("LOGISTIC", ("uint8", 0.1, 0), ("uint8", 1 / 256, 0), {}, "litert", "both int8, both int16"),
    ("LOGISTIC", ("int16", 0.1, 5), ("int16", 2**-15, 0), {}, "litert", "its zero point 0; .* 5"),
    ("LOGISTIC", ("int16", 2.7, 0), ("int16", 2**-15, 0), {}, "litert", "from 2..-40 to 8/3"),
    ("TANH", ("int16", 0.1, 0), ("int16", 2**-14, 0), {}, "litert", "output has the scale 1/32768"),
    ("TANH", ("int8", 0.1, 0), ("int8", 1 / 64, 0), {}, "tflite-micro", "Micro's int8 1/128"),
    ("RELU", ("int16", 0.1, 1), ("int16", 0.1, 0), {}, "litert", "int16 the zero point 0"),
    ("RELU", ("uint8", 0.1, 1), ("uint8", 0.1, 0), {}, "litert", "here it is uint8, uint8"),
    ("RELU_N1_TO_1", ("int16", 0.1, 0), ("int16", 0.1, 0), {}, "litert", "here it is int16, int16"),
    ("RELU6", ("int8", 0.1, 0), ("int8", 0.2, 0), {}, "tflite-micro", "quantised as its input is"),
    ("RELU", ("int8", 1e30, 0), ("int8", 1e-30, 0), {}, "litert", "than 2..31; here it is inf"),
    ("LEAKY_RELU", ("int8", 0.1, 0), ("int8", 0.1, 0), {"alpha": np.inf}, "litert", "finite.* inf"),
    ("LEAKY_RELU", ("int8", 0.1, 0), ("int8", 0.1, 0), {"alpha": 1e30}, "litert", "within 2..31"),
    ("QUANTIZE", ("int16", 0.1, 0), ("uint8", 0.1, 0), {}, "litert", "not int16 to uint8"),
    ("QUANTIZE", ("int16", 0.1, 2), ("int8", 0.1, 0), {}, "litert", "int16 the zero point 0"),
    ("QUANTIZE", FLOAT, ("int8", 1e-39, 0), {}, "litert", "at least 2..-126; here it is 1"),
    ("QUANTIZE", FLOAT, ("int8", 0, 0), {}, "litert", "one scale and zero point.* None"),
    ("DEQUANTIZE", ("int32", 0.1, 0), FLOAT, {}, "litert", "int8, uint8 or int16"),
    ("DEQUANTIZE", ("int8", 0, 0), FLOAT, {}, "litert", "one scale and zero point"),
    ("DEQUANTIZE", ("int16", 0.1, 4), FLOAT, {}, "litert", "int16 the zero point 0; here it is 4"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "given_type", "made_type", "options", "rounding", "told"), REFUSED)
def test_refused(op, given_type, made_type, options, rounding, told):
    data = runtimes.unary(op, given_type, made_type, 4, **options)
    for backend in native, reference:
        with pytest.raises(ModelError, match=f"{op} 'y': .*{told}"):
            backend.open_session(read(data), data, rounding=rounding)
