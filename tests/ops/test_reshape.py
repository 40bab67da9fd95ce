"""RESHAPE: the same elements under another shape, as in LiteRT."""

import numpy as np
import pytest

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal


def reshaped(shape, target, output, *, named=True):
    """A model whose new shape is a second input or, unless that is named, an option."""
    tensors = [build.tensor(shape), build.constant(target, "int32"), build.tensor(output, name="y")]
    op = ("RESHAPE", [0, 1] if named else [0], 2, {"newShape": target})
    return build.model(tensors, [op])


SEEDS = {"RESHAPE": reshaped((2, 12), [4, -1], (4, 6))}


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("target", [(4, 6), (-1, 6), (4, -1), (2, 3, 1, 4), (24,)])
def test_it_is_that_of_litert(target, named):
    x = np.arange(24, dtype=np.float32).reshape(2, 12)
    data = reshaped(x.shape, list(target), x.reshape(target).shape, named=named)
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_a_model_may_only_reshape():
    x = np.arange(24, dtype=np.float32).reshape(2, 12)
    for engine in runtimes.engines(reshaped(x.shape, [4, 6], (4, 6))).values():
        answer = engine.run(x)
        np.testing.assert_array_equal(answer, x.reshape(4, 6))
        assert not np.shares_memory(answer, x)


@pytest.mark.parametrize("target", [[5, 5], [-1, 5], [-1, -1], [-2, -12], [0, -1]])
def test_elements_that_do_not_fit_are_refused(target):
    message = r"RESHAPE 'y': the new shape has as many elements .* for float32 \[2, 12\]"
    with pytest.raises(ModelError, match=message):
        plan(read(reshaped((2, 12), target, (4, 6))))


def test_a_shape_that_is_calculated_is_refused():
    tensors = [
        build.tensor((1,), "int32"),
        build.tensor((1,), "int32"),
        build.tensor((1,), "int32"),
    ]
    with pytest.raises(ModelError, match="the new shape is constant, or follows from the input's"):
        plan(read(build.model(tensors, [("ADD", [0, 0], 1, {}), ("RESHAPE", [0, 1], 2, {})])))
