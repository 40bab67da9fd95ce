"""GATHER_ND: every engine against LiteRT, byte by byte."""

from typing import Any

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


def gathered(
    dtype: str,
    shape: tuple[int, ...],
    lists: tuple[int, ...],
    *,
    kind: str = "int32",
    data: Any = None,
    values: Any = None,
) -> bytes:
    """A model of two inputs, of which either may be constant."""
    quantized = moved.QUANTIZED.get(dtype, ())
    output = (*lists[:-1], *shape[(*lists, 0)[len(lists) - 1] :]) if lists else ()
    tensors = [
        build.tensor(shape, dtype, *quantized, data=data),
        build.tensor(lists, kind, data=values),
        build.tensor(output, dtype, *quantized),
    ]
    inputs = [index for index, one in enumerate(tensors[:2]) if one.content is None]
    return build.model(tensors, [("GATHER_ND", [0, 1], 2, {})], inputs=inputs)


SEEDS = {
    f"GATHER_ND {kind}": gathered("int8", (2, 3, 4), (5, 2), kind=kind)
    for kind in ("int32", "int64")
}


@settings(max_examples=60, deadline=None)
@given(
    seed=moved.seeds,
    dtype=moved.types,
    kind=st.sampled_from(("int32", "int64")),
    constant=st.sampled_from(("input", "indices", "none")),
    further=st.lists(st.integers(1, 3), max_size=2),
    data=st.data(),
)
def test_it_is_what_litert_gives(seed, dtype, kind, constant, further, data):
    shape = data.draw(moved.shapes(4))
    depth = data.draw(st.integers(1, len(shape)))
    rng = np.random.default_rng(seed)
    at = rng.integers(0, shape[:depth], (*further, depth)).astype(kind)
    x = moved.drawn(seed, dtype, shape)
    if not (*further, *shape[depth:]):
        return
    given = {"input": {"data": x}, "indices": {"values": at}, "none": {}}[constant]
    file = gathered(dtype, shape, at.shape, kind=kind, **given)
    inputs = {"input": (at,), "indices": (x,), "none": (x, at)}[constant]
    [expected] = runtimes.run_builtin_ref(file, inputs)
    for name, engine in runtimes.engines(file).items():
        answer = np.asarray(engine.run(inputs))
        assert (answer.shape, answer.dtype) == (expected.shape, expected.dtype), name
        assert answer.tobytes() == expected.tobytes(), name


def test_there_are_zeros_where_there_is_no_slice():
    file = gathered("int8", (2, 3, 4), (4, 2))
    at = np.array([[-1, 0], [1, 3], [2, 0], [1, 2]], np.int32)
    x = np.arange(1, 25, dtype=np.int8).reshape(2, 3, 4)
    for name, engine in runtimes.engines(file).items():
        answer = np.asarray(engine.run((x, at)))
        assert answer.tolist() == [[0] * 4] * 3 + [[21, 22, 23, 24]], name


@pytest.mark.parametrize("count", [2, 7])
def test_a_batch_of_lists_is_run(count):
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    file = gathered("float32", (2, 3, 4), (1, 2), data=x)
    at = np.random.default_rng(0).integers(0, (2, 3), (count, 2)).astype(np.int32)
    for name, engine in runtimes.engines(file).items():
        np.testing.assert_array_equal(engine.run(at), x[tuple(at.T)], err_msg=name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("int8", (2, 3), (4, 3)), "as many as the input has dimensions; here it is int32 [4, 3]"),
        (("int8", (2, 3), ()), "as many as the input has dimensions"),
    ],
)
def test_limits_are_told(arguments, message):
    with pytest.raises(ModelError) as error:
        plan(read(gathered(*arguments)))
    assert message in str(error.value)
    with pytest.raises(ModelError, match="int32 or int64; here it is int16"):
        plan(read(gathered("int8", (2, 3), (4, 1), kind="int16")))
