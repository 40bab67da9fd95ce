"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import trials
from edge_runtime import ModelError, kernels
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import drawn, equal
from trials import Trial, between

TYPES = ("float32", "int8", "int16", "uint8")
OPS = ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")


def resized(op, dtype, shape, size, *, corners=False, centres=False, kind="int32"):
    """A model that resizes its input."""
    scale = 0.0 if dtype == "float32" else 0.5
    tensors = [
        build.tensor(shape, dtype, scale),
        build.constant(size, kind),
        build.tensor((shape[0], max(size[0], 1), size[1], shape[3]), dtype, scale),
    ]
    options = {"alignCorners": corners, "halfPixelCenters": centres}
    return build.model(tensors, [(op, [0, 1], 2, options)])


SEEDS = {
    f"{op} {dtype}": resized(op, dtype, (2, 3, 4, 3), (5, 2), centres=dtype == "int8")
    for op in OPS
    for dtype in TYPES
}


def bilinear_trial(dtype):
    """Return what draws a trial of a kernel: channels that fill vectors or not."""

    def trial(rng):
        channels = int(rng.choice([1, 2, 3, 8, 16, between(rng, 1, 40)]))
        shape = (between(rng, 1, 2), between(rng, 1, 9), between(rng, 1, 9), channels)
        size = between(rng, 1, 20), between(rng, 1, 20)
        count = int(np.prod(shape))
        if dtype == "float32":
            image = trials.float32s(rng, count, rng.integers(8))
        else:
            image = trials.int8s(rng, count)
        outputs = shape[0] * size[0] * size[1] * channels * image.itemsize
        options = [(0, 0), (0, 1), (1, 0)][rng.integers(3)]
        return Trial([*shape, *size, *options], [image], [], [outputs])

    return trial


TRIALS = {
    "resize_bilinear_float32": bilinear_trial("float32"),
    "resize_bilinear_int8_once": bilinear_trial("int8"),
    "resize_bilinear_uint8_float": bilinear_trial("uint8"),
}


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    op=st.sampled_from(OPS),
    dtype=st.sampled_from(TYPES),
    shape=st.tuples(
        st.integers(1, 2), st.integers(1, 20), st.integers(1, 20), st.sampled_from((1, 2, 3, 17))
    ),
    size=st.tuples(st.integers(1, 44), st.integers(1, 44)),
    corners=st.booleans(),
    centres=st.booleans(),
    rounding=st.sampled_from(("litert", "tflite-micro")),
)
def test_it_is_what_litert_gives(seed, op, dtype, shape, size, corners, centres, rounding):
    corners = corners and not (centres and op == "RESIZE_BILINEAR")
    x = drawn(np.random.default_rng(seed), dtype, shape)
    data = resized(op, dtype, shape, size, corners=corners, centres=centres)
    equal(data, x, runtimes.builtin_ref(data)(x), rounding)


@pytest.mark.parametrize("op", OPS)
def test_the_corners_of_integers(op):
    """All of the greatest and least numbers, and images of one row."""
    for dtype in "int8", "int16", "uint8":
        limits = np.iinfo(dtype)
        x = np.array([limits.min, limits.max] * 6, dtype).reshape(1, 3, 4, 1)
        for size in (1, 1), (1, 7), (9, 1), (6, 8):
            data = resized(op, dtype, x.shape, size, centres=True)
            equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("op", OPS)
def test_floats_that_are_no_numbers(op):
    x = np.array([-0.0, np.inf, 1e38, -3e38, 1e-45, -1.0], np.float32).reshape(1, 2, 3, 1)
    data = resized(op, "float32", x.shape, (4, 6))
    (step,) = plan(read(data)).steps
    expected = kernels.run(step.kernel.name, step.kernel.params, x.ravel())
    answer = runtimes.builtin_ref(data)(x)
    assert answer.ravel().tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_a_rounded_step_ends_at_the_last_row(dtype):
    """LiteRT reads behind it."""
    x = np.array([-100, 50], dtype).reshape(1, 1, 2, 1)
    data = resized("RESIZE_BILINEAR", dtype, x.shape, (65, 2))
    equal(data, x, np.broadcast_to(x, (1, 65, 2, 1)))


@pytest.mark.parametrize(
    ("op", "kinds", "message"),
    [
        ("RESIZE_BILINEAR", {"dtype": "int32"}, "int8, uint8, int16 or float32; here it is int32"),
        ("RESIZE_NEAREST_NEIGHBOR", {"dtype": "int64"}, "float32; here it is int64, int64"),
        ("RESIZE_BILINEAR", {"size": (0, 3)}, "1 to 2**20 rows and columns; here it is [0, 3]"),
        ("RESIZE_BILINEAR", {"size": (3, 2**20 + 1)}, "columns; here it is [3, 1048577]"),
        ("RESIZE_BILINEAR", {"size": (3, 3, 3)}, "two constant int32 numbers"),
        ("RESIZE_BILINEAR", {"kind": "int64"}, "two constant int32 numbers"),
        ("RESIZE_BILINEAR", {"shape": (1, 2, 2, 3, 1)}, "[batches, rows, columns, channels]"),
        ("RESIZE_BILINEAR", {"corners": True, "centres": True}, "has not both align_corners"),
    ],
)
def test_limits_are_told(op, kinds, message):
    defaults = {"dtype": "int8", "shape": (1, 2, 2, 3), "size": (3, 3)}
    with pytest.raises(ModelError) as error:
        plan(read(resized(op, **{**defaults, **kinds})))
    assert message in str(error.value)
