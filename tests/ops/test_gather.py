"""GATHER: every engine against LiteRT, byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import moved
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read


def gathered(dtype, shape, indices, output, *, data=None, kind="int32", values=None, **options):
    """A model of two inputs, of which either may be constant."""
    quantized = moved.QUANTIZED.get(dtype, ())
    tensors = [
        build.tensor(shape, dtype, *quantized, data=data),
        build.tensor(indices, kind, data=values),
        build.tensor(output, dtype, *quantized),
    ]
    inputs = [index for index, one in enumerate(tensors[:2]) if one.content is None]
    return build.model(tensors, [("GATHER", [0, 1], 2, options)], inputs=inputs)


def constant(kind):
    """A model that permutes channels, as ShuffleNet does."""
    indices = build.constant([2, 0, 1], kind)
    return moved.model("GATHER", "int8", (1, 4, 3), [indices], [(1, 4, 3)], axis=2)


SEEDS = {f"GATHER {kind}": constant(kind) for kind in ("int32", "int64")}


@settings(max_examples=60, deadline=None)
@given(
    seed=moved.seeds,
    dtype=moved.types,
    kind=st.sampled_from(("int32", "int64")),
    constant=st.sampled_from(("input", "indices", "none")),
    data=st.data(),
)
def test_it_is_what_litert_gives(seed, dtype, kind, constant, data):
    shape = data.draw(moved.shapes(4))
    axis = data.draw(st.integers(0, len(shape) - 1))
    batch = data.draw(st.integers(0, axis))
    further = data.draw(st.lists(st.integers(1, 3), min_size=not batch, max_size=2))
    places = (*shape[:batch], *further)
    rank = len(places)
    x = moved.drawn(seed, dtype, shape)
    at = np.random.default_rng(seed).integers(0, shape[axis], places).astype(kind)
    output = (*shape[:axis], *further, *shape[axis + 1 :])
    options = {
        "axis": axis - len(shape) * data.draw(st.booleans()),
        "batchDims": batch - rank * (batch < rank and data.draw(st.booleans())),
    }
    if not output:
        return
    given = {"input": {"data": x}, "indices": {"values": at}, "none": {}}[constant]
    file = gathered(dtype, shape, places, output, kind=kind, **given, **options)
    inputs = {"input": (at,), "indices": (x,), "none": (x, at)}[constant]
    [expected] = runtimes.run_builtin_ref(file, inputs)
    for name, engine in runtimes.engines(file).items():
        answer = np.asarray(engine.run(inputs))
        assert (answer.shape, answer.dtype) == (expected.shape, expected.dtype), name
        assert answer.tobytes() == expected.tobytes(), name


def test_a_single_index_takes_the_axis_away():
    x = moved.drawn(1, "int16", (2, 3, 4))
    (output,) = moved.compare("GATHER", x, [2], axis=1)
    np.testing.assert_array_equal(output, x[:, 2])


@pytest.mark.parametrize("kind", ["int32", "int64"])
def test_indices_that_are_outside_give_zeros_where_litert_fails(kind):
    x = np.arange(1, 7, dtype=np.int8).reshape(3, 2)
    limits = np.iinfo(kind)
    at = np.array([0, -1, 3, 2, limits.min, limits.max], kind)
    file = gathered("int8", (3, 2), (6,), (6, 2), kind=kind)
    with pytest.raises(RuntimeError):
        runtimes.run_builtin_ref(file, (x, at))
    expected = [[1, 2], [0, 0], [0, 0], [5, 6], [0, 0], [0, 0]]
    for name, engine in runtimes.engines(file).items():
        np.testing.assert_array_equal(engine.run((x, at)), expected, err_msg=name)


def test_a_batch_is_that_of_its_images():
    moved.batched(constant("int32"), moved.drawn(2, "int8", (5, 4, 3)))
    table = moved.drawn(3, "float32", (7, 2))
    data = gathered("float32", (7, 2), (1, 3), (1, 3, 2), data=table)
    moved.batched(data, np.random.default_rng(1).integers(0, 7, (5, 3)).astype(np.int32))


@pytest.mark.parametrize(
    ("indices", "options", "message"),
    [
        ((2,), {"axis": 2}, "the axis is a dimension of the input; here it is 2 of int8 .2, 3."),
        (
            (2,),
            {"axis": 0, "batchDims": 1},
            "as many first dimensions as batch_dims says, up to the axis",
        ),
        ((3, 2), {"axis": 1, "batchDims": 1}, r"here it is 1 of int8 \[2, 3\] and int32 \[3, 2\]"),
        ((2,), {"axis": 1, "batchDims": 2}, "as many first dimensions as"),
    ],
)
def test_limits_are_told(indices, options, message):
    with pytest.raises(ModelError, match=message):
        plan(read(gathered("int8", (2, 3), indices, (2, 3), **options)))


def test_other_indices_are_refused():
    with pytest.raises(ModelError, match="indices is int32 or int64; here it is int16"):
        plan(read(gathered("int8", (2, 3), (2,), (2, 3), kind="int16", axis=0)))
