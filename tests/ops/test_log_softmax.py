"""LOG_SOFTMAX: every engine against LiteRT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from runtimes import drawn, equal, f32

OUTPUTS = {"float32": (), "int8": (1 / 16, 127), "uint8": (1 / 16, 255)}


def log_softmax(dtype, shape, scale=0.05, zero_point=3, output=None):
    source = (scale, zero_point) if dtype != "float32" else ()
    target = OUTPUTS.get(dtype, source) if output is None else output
    tensors = [build.tensor(shape, dtype, *source), build.tensor(shape, dtype, *target)]
    return build.model(tensors, [("LOG_SOFTMAX", [0], 1, {})])


SEEDS = {f"LOG_SOFTMAX {dtype}": log_softmax(dtype, (3, 19)) for dtype in OUTPUTS}


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(("int8", "uint8")),
    shape=st.lists(st.integers(1, 4), max_size=3),
    depth=st.integers(1, 40) | st.integers(1000, 4095),
    power=st.floats(-7, 2),
    zero_point=st.integers(0, 127),
    spread=st.integers(1, 256),
    rounding=st.sampled_from(("litert", "tflite-micro")),
)
def test_integers_are_what_litert_gives(
    seed, dtype, shape, depth, power, zero_point, spread, rounding
):
    data = log_softmax(dtype, (*shape, depth), f32(10**power), zero_point)
    rng = np.random.default_rng(seed)
    x = (rng.integers(spread, size=(*shape, depth)) + np.iinfo(dtype).min).astype(dtype)
    equal(data, x, runtimes.builtin_ref(data)(x), rounding)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.lists(st.integers(1, 4), max_size=3),
    depth=st.integers(1, 300),
    power=st.integers(-20, 37),
)
def test_floats_are_near_litert_and_the_same_everywhere(seed, shape, depth, power):
    data = log_softmax("float32", (*shape, depth))
    x = drawn(np.random.default_rng(seed), "float32", (*shape, depth)) / 16
    x = (x * np.float64(10) ** power).astype(np.float32)
    engines = runtimes.engines(data)
    answer = engines.pop("reference").run(x)
    for engine in engines.values():
        assert engine.run(x).tobytes() == answer.tobytes()
    expected = runtimes.builtin_ref(data)(x)
    np.testing.assert_allclose(answer, expected, rtol=1e-6, atol=2e-6)
    exact = x.astype(np.longdouble) - x.max(axis=-1, keepdims=True)
    logs = np.log(np.exp(exact).sum(axis=-1, keepdims=True))
    exact -= logs
    unit = np.spacing(np.abs(exact).astype(np.float32))
    assert (np.abs(answer - exact) <= 0.501 * unit + 2.0**-50 * (1 + logs)).all()


@pytest.mark.parametrize(
    ("dtype", "kinds", "message"),
    [
        ("int16", {"zero_point": 0}, "both int8, uint8 or float32; here it is int16, int16"),
        ("int8", {"output": (1 / 8, 127)}, "have the scale 1/16"),
        ("uint8", {"output": (1 / 16, 127)}, "in uint8 255; here it is (0.0625, 127)"),
        ("int8", {"shape": (1, 4096)}, "at most 4,095 of 8 bits"),
        ("int8", {"scale": 2.0**-25}, "is more than 2**-25"),
    ],
)
def test_limits_are_told(dtype, kinds, message):
    assert message in runtimes.refused(log_softmax(dtype, **{"shape": (2, 3), **kinds}))
