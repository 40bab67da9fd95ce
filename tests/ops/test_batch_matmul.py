"""BATCH_MATMUL: every engine against LiteRT, byte by byte, and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import micro_arithmetic
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from micro_arithmetic import int32, quantize_multiplier
from runtimes import drawn, f32

TYPES = (
    ("float32", "float32", "float32"),
    ("int8", "int8", "int8"),
    ("int8", "int8", "int32"),
    ("int16", "int16", "int16"),
    ("int16", "int8", "int16"),
)
"""Of x, y and output."""


def product(types, shapes, y=None, *, adjoints=(False, False), zero_points=(0, 0, 0), gain=1.0):
    """A model whose outputs fill their range when ``gain`` is about 1; without ``y`` it is read."""
    depth = shapes[0][-2 if adjoints[0] else -1]
    scales = 0.05, 0.03, f32(0.05 * 0.03 * (60 if types[0] == "int8" else 30) * depth**0.5 / gain)
    tensors = [
        build.tensor(shape, dtype, *((scale, zero) if dtype[0] == "i" and dtype != "int32" else ()))
        for shape, dtype, scale, zero in zip(shapes, types, scales, zero_points, strict=True)
    ]
    tensors[1].content = y
    op = ("BATCH_MATMUL", [0, 1], 2, dict(zip(("adjX", "adjY"), adjoints, strict=True)))
    return build.model(tensors, [op], inputs=[0, 1] if y is None else [0])


def seeds():
    rng = np.random.default_rng(6)
    models = {}
    for types in TYPES:
        y = drawn(rng, types[1], (2, 7, 5))
        shapes = (3, 1, 4, 7), y.shape, (3, 2, 4, 5)
        models["matmul " + " ".join(types)] = product(types, shapes, y)
    for dtype in "float32", "int8":
        scale = 0.0 if dtype == "float32" else 0.05
        tensors = [build.tensor((2, 4, 6), dtype, scale), build.tensor((2, 6, 6), dtype, 4 * scale)]
        op = ("BATCH_MATMUL", [0, 0], 1, {"adjX": True})
        models[f"matmul {dtype} adjoint x"] = build.model(tensors, [op])
        tensors = [build.tensor((2, 4, 6), dtype, scale), build.tensor((2, 4, 4), dtype, 4 * scale)]
        op = ("BATCH_MATMUL", [0, 0], 1, {"adjY": True})
        models[f"matmul {dtype} adjoint y"] = build.model(tensors, [op])
    return models


SEEDS = seeds()


@st.composite
def operands(draw):
    """Shapes of x, y and output, and adjoints; batches are broadcast."""
    full = draw(st.lists(st.integers(1, 3), max_size=3))
    batches = []
    for _ in range(2):
        shape = [1 if draw(st.integers(0, 2)) == 0 else size for size in full]
        batches.append(tuple(shape[draw(st.integers(0, len(full))) :]))
    rows, depth, columns = (draw(st.integers(1, 20)) for _ in range(3))
    adjoints = draw(st.booleans()), draw(st.booleans())
    x = (depth, rows) if adjoints[0] else (rows, depth)
    y = (columns, depth) if adjoints[1] else (depth, columns)
    output = (*np.broadcast_shapes(*batches), rows, columns)
    return ((*batches[0], *x), (*batches[1], *y), output), adjoints


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    types=st.sampled_from(TYPES),
    operands=operands(),
    constant=st.booleans(),
    gain=st.sampled_from((0.01, 1.0, 1.0, 30.0)),
)
def test_bytes_are_those_of_litert(seed, types, operands, constant, gain):
    rng = np.random.default_rng(seed)
    shapes, adjoints = operands
    ends = np.array([-128, 127, 0, 3, -50])
    zero_points = [int(rng.choice(ends)) if types[0] == "int8" else 0 for _ in range(3)]
    x, y = (drawn(rng, dtype, shape) for dtype, shape in zip(types[:2], shapes[:2], strict=True))
    options = {"adjoints": adjoints, "zero_points": zero_points, "gain": gain}
    data = product(types, shapes, y if constant else None, **options)
    inputs = [x] if constant else [x, y]
    (expected,) = runtimes.run_builtin_ref(data, inputs)
    for name, engine in runtimes.engines(data).items():
        answer = np.asarray(engine.run(x if constant else (x, y)))
        assert (answer.shape, answer.dtype) == (expected.shape, expected.dtype), name
        assert answer.tobytes() == expected.tobytes(), name


@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("scales", [(1e-30, 1e-30, 1e30), (1e20, 1e10, 1e-20), (1.0, 1.0, 0.3)])
def test_absurd_factors_are_the_same_everywhere(types, scales):
    rng = np.random.default_rng(1)
    y = drawn(rng, types[1], (9, 3))
    tensors = [
        build.tensor(shape, dtype, scale if dtype in ("int8", "int16") else 0.0, data=data)
        for shape, dtype, scale, data in zip(
            [(4, 9), (9, 3), (4, 3)], types, scales, [None, y, None], strict=True
        )
    ]
    engines = runtimes.engines(build.model(tensors, [("BATCH_MATMUL", [0, 1], 2, {})]))
    x = drawn(rng, types[0], (4, 9))
    expected = engines.pop("reference").run(x)
    for engine in engines.values():
        assert engine.run(x).tobytes() == expected.tobytes()


@pytest.mark.parametrize("rounding", ["xnnpack", "tflite-micro"])
def test_int8_is_rounded_twice_whatever_the_rounding(rounding):
    rng = np.random.default_rng(9)
    y = drawn(rng, "int8", (11, 6))
    zero_points = 3, -7, 5
    data = product(TYPES[1], ((4, 11), y.shape, (4, 6)), y, zero_points=zero_points)
    x = drawn(rng, "int8", (4, 11))
    scales = [tensor.quantization.scales[0] for tensor in read(data).tensors]
    pair = quantize_multiplier(f32(scales[0] * scales[1]) / scales[2])
    totals = (x.astype(int) - 3) @ (y.astype(int) + 7)
    moved = [
        [micro_arithmetic.multiply(int32(t), *pair) + 5 for t in row] for row in totals.tolist()
    ]
    for engine in runtimes.engines(data, rounding=rounding).values():
        np.testing.assert_array_equal(engine.run(x), np.clip(moved, -128, 127))


@pytest.mark.parametrize(
    ("types", "shapes", "zero_points", "message"),
    [
        (("float32", "int8", "float32"), ((2, 3), (3, 2)), (0, 0, 0), "here it is float32, int8"),
        (TYPES[0], ((3,), (3, 2)), (0, 0, 0), "2 to 5 dimensions; here it is 1 and 2"),
        (TYPES[0], ((2, 3), (2, 3)), (0, 0, 0), r"here it is float32 \[2, 3\] and float32 \[2, 3"),
        (TYPES[0], ((2, 2, 3), (3, 3, 4)), (0, 0, 0), "the other dimensions can be broadcast"),
        (TYPES[3], ((2, 3), (3, 2)), (0, 1, 0), "'tensor 1': zero point 1"),
        (TYPES[4], ((2, 3), (3, 2)), (0, 1, 0), "'tensor 1': zero point 1"),
    ],
)
def test_limits_are_told(types, shapes, zero_points, message):
    data = product(types, (*shapes, (2, 2)), zero_points=zero_points)
    with pytest.raises(ModelError, match=f"BATCH_MATMUL 'tensor 2': .*{message}"):
        plan(read(data))
