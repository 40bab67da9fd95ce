"""SVDF against LiteRT over several runs, and the absence of what it does not run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import drawn, f32

RELU = 1


def layer(rng, dtype, *, batches=2, inputs=6, units=5, rank=2, memory=4, with_bias=True, **options):
    """A model of one layer whose state and outputs fill their ranges."""
    filters = units * rank
    integer = dtype == "int8"
    types = ("int8", "int8", "int16", "int32", "int16") if integer else ("float32",) * 5
    shapes = (batches, inputs), (filters, inputs), (filters, memory), (units,)
    state = f32(0.05 * 0.02 * 5000 * inputs**0.5 / 2**14)
    options = {"rank": rank, "fusedActivationFunction": RELU, **options}
    output = f32(state * 0.001 * 2**27 * (memory * rank) ** 0.5 / 200)
    scales = (0.05, 0.02, 0.001, f32(state * 0.001), state) if integer else (0.0,) * 5
    values = [drawn(rng, one, shape) for one, shape in zip(types, shapes, strict=False)]
    if integer:
        values[3] = rng.integers(-(2**26), 2**26, units).astype(np.int32)
    zeros = [int(rng.integers(-128, 128)) if integer else 0 for _ in range(2)]
    tensors = [
        build.tensor(shapes[0], dtype, scales[0], zeros[0], name="x"),
        *(
            build.tensor(shapes[at], types[at], scales[at], data=values[at], name=name)
            for at, name in ((1, "features"), (2, "times"), (3, "bias"))
        ),
        build.tensor((batches, filters * memory), types[4], state, name="state", variable=True),
        build.tensor((batches, units), dtype, output if integer else 0.0, zeros[1], name="y"),
    ]
    if not integer:
        tensors[4].quantization = None
    op = ("SVDF", [0, 1, 2, 3 if with_bias else -1, 4], 5, options)
    return build.model(tensors, [op])


SEEDS = {f"svdf {dtype}": layer(np.random.default_rng(5), dtype) for dtype in ("float32", "int8")}

sizes = {
    "seed": st.integers(0, 2**32 - 1),
    "batches": st.integers(1, 3),
    "inputs": st.integers(1, 40),
    "units": st.integers(1, 8),
    "rank": st.integers(1, 3),
    "memory": st.integers(1, 20),
    "with_bias": st.booleans(),
}


@settings(max_examples=40, deadline=None)
@given(rounding=st.sampled_from(("litert", "xnnpack", "tflite-micro")), **sizes)
def test_int8_is_that_of_litert(seed, rounding, **size):
    rng = np.random.default_rng(seed)
    data = layer(rng, "int8", **size)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data, rounding=rounding)
    for _ in range(4):
        x = drawn(rng, "int8", (size["batches"], size["inputs"]))
        runtimes.agree(engines, x, litert(x))


@settings(max_examples=40, deadline=None)
@given(activation=st.integers(0, 3), **sizes)
def test_float32_is_near_litert_and_the_same_everywhere(seed, activation, **size):
    rng = np.random.default_rng(seed)
    data = layer(rng, "float32", fusedActivationFunction=activation, **size)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    reference = engines.pop("reference")
    bound = 2.0**-23 * (size["inputs"] + size["memory"] * size["rank"])
    for _ in range(4):
        x = drawn(rng, "float32", (size["batches"], size["inputs"]))
        expected = reference.run(x)
        # A sum's size is at most that of its largest products, of 16 standard deviations.
        greatest = 4**3 * 64 * size["inputs"] ** 0.5 * (size["memory"] * size["rank"]) ** 0.5
        assert np.abs(expected - litert(x)).max() <= bound * greatest
        for engine in engines.values():
            assert engine.run(x).tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_reset_forgets(dtype):
    rng = np.random.default_rng(3)
    engines = runtimes.engines(layer(rng, dtype))
    x = drawn(rng, dtype, (2, 6))
    for engine in engines.values():
        first, second = engine.run(x), engine.run(x)
        assert (first != second).any()
        engine.reset()
        np.testing.assert_array_equal(engine.run(x), first)


@pytest.mark.parametrize(
    ("dtype", "options", "message"),
    [
        ("int8", {"fusedActivationFunction": 0}, "activation of int8 is RELU; here it is 0"),
        ("float32", {"fusedActivationFunction": 4}, "here it is 4"),
    ],
)
def test_limits_are_told(dtype, options, message):
    data = layer(np.random.default_rng(0), dtype, **options)
    with pytest.raises(ModelError, match=f"SVDF 'y': .*{message}"):
        plan(read(data))


@pytest.mark.parametrize(
    ("rank", "shape", "variable", "message"),
    [
        (2, (2, 40), False, "the state is a variable tensor"),
        (2, (2, 39), True, "the state is a variable tensor"),
        (3, (2, 40), True, "each unit has rank filters; .*, rank 3"),
        (0, (2, 40), True, "each unit has rank filters; .*, rank 0"),
    ],
)
def test_a_rank_or_state_that_does_not_fit_is_refused(rank, shape, variable, message):
    rng = np.random.default_rng(0)
    tensors = [
        build.tensor((2, 6)),
        build.constant(rng.normal(size=(10, 6)), "float32"),
        build.constant(rng.normal(size=(10, 4)), "float32"),
        build.tensor(shape, variable=variable),
        build.tensor((2, 5)),
    ]
    op = ("SVDF", [0, 1, 2, -1, 3], 4, {"rank": rank})
    data = build.model(tensors, [op], inputs=[0] if variable else [0, 3])
    with pytest.raises(ModelError, match=message):
        plan(read(data))
