"""UNPACK: every engine against LiteRT, byte by byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import moved
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

SEEDS = {
    "UNPACK float32": moved.model(
        "UNPACK", "float32", (1, 3, 2), [], [(1, 2)] * 3, joined=True, num=3, axis=1
    )
}


@settings(max_examples=40, deadline=None)
@given(
    seed=moved.seeds,
    dtype=st.sampled_from(("int8", "uint8", "float32", "int32", "bool")),
    shape=moved.shapes(5).filter(lambda shape: len(shape) > 1),
    data=st.data(),
)
def test_it_is_what_litert_gives(seed, dtype, shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    count = shape[axis]
    moved.compare("UNPACK", moved.drawn(seed, dtype, shape), [], count, num=count, axis=axis)


def test_very_many_outputs_are_refused():
    tensors = [build.tensor((4097, 1), "int8"), *(build.tensor((1,), "int8") for _ in range(4097))]
    ops = [("UNPACK", [0], range(1, 4098), {"num": 4097, "axis": 0})]
    data = build.model(tensors, ops, outputs=[1])
    with pytest.raises(ModelError, match="its ops have 4097 outputs, and the engine takes at most"):
        plan(read(data))


@pytest.mark.parametrize(("axis", "num"), [(2, 2), (1, 2), (0, 3)])
def test_limits_are_told(axis, num):
    data = moved.model("UNPACK", "int8", (2, 3), [], [(3,)] * 2, num=num, axis=axis)
    with pytest.raises(ModelError, match="whose size is the number of outputs"):
        plan(read(data))


def test_other_scales_are_refused_here_and_there():
    tensors = [build.tensor((1, 4), "int8", 0.5, 1), build.tensor((4,), "int8", 0.5, 2)]
    data = build.model(tensors, [("UNPACK", [0], 1, {"num": 1, "axis": 0})])
    with pytest.raises(ModelError, match="scale and zero point; here it is Quantization"):
        plan(read(data))
    with pytest.raises(RuntimeError):
        runtimes.builtin_ref(data)
