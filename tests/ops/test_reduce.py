"""MEAN, SUM and the REDUCE ops: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import build
import runtimes
from micro_arithmetic import int32, multiply, quantize_multiplier
from runtimes import drawn, equal, f32

SMALL = ("int8", "uint8", "int16")
NUMBERS = ("float32", "int32", "int64")
TYPES = {
    "MEAN": (*SMALL, *NUMBERS),
    "SUM": (*SMALL, *NUMBERS),
    "REDUCE_MAX": (*SMALL, *NUMBERS),
    "REDUCE_MIN": (*SMALL, *NUMBERS),
    "REDUCE_PROD": ("int8", "int16", *NUMBERS),
    "REDUCE_ANY": ("bool",),
    "REDUCE_ALL": ("bool",),
}
ALL = tuple((op, dtype) for op, dtypes in TYPES.items() for dtype in dtypes)
RESCALED = tuple(
    (op, dtype) for op, dtype in ALL if op in ("MEAN", "SUM", "REDUCE_PROD") and dtype in SMALL
)
SAME = ((0.05, 3), (0.05, 3))


def reduced(op, dtype, shape, axes, keep_dims=False, quantization=SAME, kind="int32"):
    """A model of one op whose axes are constant."""
    gone = {axis % len(shape) for axis in axes}
    kept = enumerate(shape)
    if keep_dims:
        output = [1 if axis in gone else size for axis, size in kept]
    else:
        output = [size for axis, size in kept if axis not in gone]
    source, target = quantization if dtype in SMALL else ((), ())
    tensors = [
        build.tensor(shape, dtype, *source),
        build.constant(axes, kind),
        build.tensor(output, dtype, *target),
    ]
    return build.model(tensors, [(op, [0, 1], 2, {"keepDims": keep_dims})])


def random(rng, dtype, shape):
    if dtype == "bool":
        return rng.integers(2, size=shape).astype(bool)
    return drawn(rng, dtype, shape)


def seed(op, dtype):
    zero_point = 0 if dtype == "int16" else 3
    return reduced(op, dtype, (2, 5, 4, 3), (1, 2), quantization=((0.05, zero_point),) * 2)


SEEDS = {f"{op} {dtype}": seed(op, dtype) for op, dtype in ALL}
SEEDS["MEAN of rows"] = reduced("MEAN", "int8", (3, 2, 19), (-1, 0), True)


@st.composite
def shapes_and_axes(draw):
    """A shape and axes, which repeat and count from either end; the output has a dimension."""
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    position = draw(st.integers(0, len(shape) - 1))
    shape[position] = draw(st.integers(1, 5) | st.integers(30, 70))
    axes = draw(st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, max_size=6))
    keep = draw(st.booleans()) or len({axis % len(shape) for axis in axes}) == len(shape)
    return tuple(shape), axes, keep


SEED = st.integers(0, 2**32 - 1)


def close_to_one(rng, x, dtype):
    """Factors whose product is neither 0 nor infinity."""
    return (rng.uniform(0.5, 2, x.shape) * rng.choice([-1, 1], x.shape)).astype(dtype)


@settings(max_examples=100, deadline=None)
@given(
    seed=SEED,
    kind=st.sampled_from([pair for pair in ALL if pair not in RESCALED]),
    shape_and_axes=shapes_and_axes(),
)
def test_it_is_what_litert_gives(seed, kind, shape_and_axes):
    (op, dtype), (shape, axes, keep_dims) = kind, shape_and_axes
    zero_point = 0 if dtype == "int16" else 3
    data = reduced(op, dtype, shape, axes, keep_dims, ((0.05, zero_point),) * 2)
    rng = np.random.default_rng(seed)
    x = random(rng, dtype, shape)
    if op == "REDUCE_PROD" and dtype == "float32":
        x = close_to_one(rng, x, dtype)
    equal(data, x, runtimes.builtin_ref(data)(x))


QUANTIZED = {
    "seed": SEED,
    "shape_and_axes": shapes_and_axes(),
    "powers": st.tuples(st.floats(-3, 1), st.floats(-3, 1)) | st.just((-1.0, -1.0)),
    "zero_points": st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
}


def quantized(dtype, powers, zero_points):
    """Scale and zero point of input and output."""
    zeros = {"int8": zero_points, "uint8": [z + 128 for z in zero_points], "int16": (0, 0)}[dtype]
    return tuple((f32(10**power), zero) for power, zero in zip(powers, zeros, strict=True))


@settings(max_examples=80, deadline=None)
@given(
    **QUANTIZED,
    kind=st.sampled_from(
        [("MEAN", "int8"), ("MEAN", "uint8"), ("MEAN", "int16"), ("SUM", "uint8")]
    ),
    rounding=st.sampled_from(("litert", "xnnpack", "tflite-micro")),
)
def test_rescaled_sums_are_what_litert_gives(
    seed, kind, shape_and_axes, powers, zero_points, rounding
):
    (op, dtype), (shape, axes, keep_dims) = kind, shape_and_axes
    quantization = quantized(dtype, powers, zero_points)
    data = reduced(op, dtype, shape, axes, keep_dims, quantization)
    x = drawn(np.random.default_rng(seed), dtype, shape)
    equal(data, x, runtimes.builtin_ref(data)(x), rounding)


@settings(max_examples=40, deadline=None)
@given(**QUANTIZED, dtype=st.sampled_from(("int8", "int16")))
def test_rescaled_products_are_what_litert_gives(seed, dtype, shape_and_axes, powers, zero_points):
    shape, axes, keep_dims = shape_and_axes
    quantization = quantized(dtype, powers, zero_points)
    (scale, _), (output, _) = quantization
    count = np.prod([shape[axis] for axis in {axis % len(shape) for axis in axes}])
    assume(scale / output ** (1 / count) < 2**7)
    data = reduced("REDUCE_PROD", dtype, shape, axes, keep_dims, quantization)
    x = drawn(np.random.default_rng(seed), dtype, shape)
    equal(data, x, runtimes.builtin_ref(data)(x))


@settings(max_examples=40, deadline=None)
@given(**QUANTIZED, dtype=st.sampled_from(("int8", "int16")))
def test_sums_that_litert_reads_wrongly_are_those_of_uint8(
    seed, dtype, shape_and_axes, powers, zero_points
):
    shape, axes, keep_dims = shape_and_axes
    (scale, zero), (output, zero_point) = quantized(dtype, powers, zero_points)
    data = reduced("SUM", dtype, shape, axes, keep_dims, ((scale, zero), (output, zero_point)))
    x = drawn(np.random.default_rng(seed), dtype, shape)
    factor = quantize_multiplier(scale / output)
    gone = tuple({axis % len(shape) for axis in axes})
    totals = (x.astype(np.int64) - zero).sum(axis=gone, keepdims=keep_dims)
    limits = np.iinfo(dtype)
    moved = [int32(multiply(total, *factor) + zero_point) for total in totals.ravel().tolist()]
    expected = np.clip(moved, limits.min, limits.max).astype(dtype).reshape(totals.shape)
    equal(data, x, expected, "tflite-micro")


@pytest.mark.parametrize("dtype", SMALL)
@pytest.mark.parametrize(("shape", "axes"), [((1, 7, 7, 40), (1, 2)), ((1, 7, 7, 40), (2, 1))])
@pytest.mark.parametrize("keep_dims", [True, False])
def test_means_of_images_are_what_litert_gives(dtype, shape, axes, keep_dims):
    """LiteRT has kernels of its own for these, which the reference kernels leave aside."""
    x = drawn(np.random.default_rng(2), dtype, shape)
    zero_point = 0 if dtype == "int16" else 100
    for scale in 0.05, 0.017, 0.9, 1.5e-5:
        quantization = (0.05, zero_point), (scale, zero_point // 2)
        data = reduced("MEAN", dtype, shape, axes, keep_dims, quantization)
        equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize(("op", "dtype"), ALL)
def test_whole_tensors_and_ones_are_reduced(op, dtype):
    rng = np.random.default_rng(4)
    zero_point = 0 if dtype == "int16" else 3
    for shape in (1, 1, 1), (1, 6, 1), (3, 1, 2), (1,):
        for axes in (range(len(shape)), [0], [-1]):
            quantization = ((0.05, zero_point),) * 2
            data = reduced(op, dtype, shape, list(axes), True, quantization)
            x = random(rng, dtype, shape)
            if op == "REDUCE_PROD" and dtype == "float32":
                x = close_to_one(rng, x, dtype)
            if op == "SUM" and dtype in ("int8", "int16"):
                continue
            equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("op", ["SUM", "REDUCE_MAX", "REDUCE_MIN"])
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_signs_of_zeros_are_those_of_litert(op, axes):
    for numbers in [[-0.0, -0.0], [-0.0, 0.0]], [[0.0, -0.0], [-0.0, -0.0]], [[-0.0] * 2] * 2:
        x = np.array(numbers, np.float32)
        data = reduced(op, "float32", x.shape, axes, True)
        equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("op", ["SUM", "MEAN", "REDUCE_PROD"])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_wrap_as_litert_does(op, dtype):
    limits = np.iinfo(dtype)
    x = np.array([[limits.max] * 3, [limits.min] * 3, [limits.min, -1, limits.min]], dtype)
    for axes in (0,), (1,):
        data = reduced(op, dtype, x.shape, axes)
        equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("axes", [(1, 2), (3,), (2, 3)])
def test_a_batch_of_any_size_is_run(axes):
    data = reduced("MEAN", "int8", (1, 4, 5, 3), axes, True)
    x = drawn(np.random.default_rng(1), "int8", (5, 4, 5, 3))
    runtimes.equal_one_by_one(data, x)


@pytest.mark.parametrize(
    ("op", "dtype", "kinds", "message"),
    [
        ("REDUCE_ANY", "int8", {}, "bool in REDUCE_ANY"),
        ("REDUCE_PROD", "uint8", {}, "uint8 (not PROD)"),
        ("MEAN", "bool", {}, "here it is bool, bool"),
        ("MEAN", "int16", {}, "int16 the zero point 0"),
        ("REDUCE_MIN", "int8", {"quantization": ((0.5, 3), (0.5, 4))}, "quantised as the input is"),
        ("MEAN", "int8", {"quantization": ((1e10, 3), (0.5, 4))}, "less than 2**30 in sums"),
        (
            "REDUCE_PROD",
            "int8",
            {"quantization": ((200.0, 3), (0.5, 4))},
            "products less than 2**7",
        ),
    ],
)
def test_limits_are_told(op, dtype, kinds, message):
    assert message in runtimes.refused(reduced(op, dtype, (2, 3), (1,), **kinds))


@pytest.mark.parametrize("axes", [[2], [-3]])
def test_axes_that_are_not_there_are_refused(axes):
    tensors = [build.tensor((2, 3)), build.constant(axes, "int32"), build.tensor((2,))]
    message = runtimes.refused(build.model(tensors, [("MEAN", [0, 1], 2, {})]))
    assert f"dimensions of the input; here it is ({axes[0]},) of float32 [2, 3]" in message


def test_axes_that_are_computed_are_refused():
    tensors = [build.tensor((2,), "int32"), build.constant([1], "int32")]
    tensors += [build.tensor((2,), "int32"), build.tensor((1,), "int32")]
    ops = [("ADD", [0, 1], 2, {}), ("SUM", [0, 2], 3, {"keepDims": True})]
    assert "the axes are constant" in runtimes.refused(build.model(tensors, ops))
