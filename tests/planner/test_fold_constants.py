from pathlib import Path

import numpy as np
import pytest

import build
import edge_runtime
import runtimes
from edge_runtime.errors import ModelError
from edge_runtime.graph import Graph
from edge_runtime.planner import plan
from edge_runtime.planner.lower import Lowering
from edge_runtime.planner.passes.fold_constants import fold_constants
from edge_runtime.planner.portable import PORTABLE
from graphs import graph, names, tensor

FLOAT = tensor((1000,))
ADD = {"fused_activation": 0, "pot_scale_int16": 0}


def folded(original: Graph) -> Graph:
    result, left = fold_constants(original, "litert", Lowering(original), PORTABLE)
    assert left == []
    return result


def test_ops_of_constants_are_calculated_once() -> None:
    original = graph(
        [
            tensor((2,)),
            tensor((2,), data=[1, 2]),
            tensor((1,), data=[10]),
            tensor((2,)),
            tensor((2,)),
        ],
        [("ADD", [1, 2], [3], ADD), ("ADD", [0, 3], [4], ADD)],
    )
    result = folded(original)
    assert names(result) == ["ADD"]
    np.testing.assert_array_equal(np.frombuffer(result.tensors[3].data, np.float32), [11, 12])
    assert result.tensors[4].data is None


def test_an_int8_op_of_constants_has_the_kernels_bytes() -> None:
    original = graph(
        [
            tensor((3,), "int8", scale=0.5),
            tensor((3,), "int8", data=[-128, 3, 127], scale=0.5),
            tensor((3,), "int8", scale=0.25, zero_point=4),
            tensor((3,), "int8", scale=0.5),
        ],
        [("QUANTIZE", [1], [2], {}), ("ADD", [0, 2], [3], ADD)],
    )
    values = np.frombuffer(folded(original).tensors[2].data, np.int8)
    np.testing.assert_array_equal(values, [-128, 10, 127])


def test_shapes_are_inferred_from_constants() -> None:
    """As Keras flattens: SHAPE, STRIDED_SLICE, PACK, RESHAPE."""
    mask = dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "offset"), 0)
    original = graph(
        [
            tensor((2, 3)),
            tensor((9,), "int32"),
            tensor((1,), "int32", data=[0]),
            tensor((1,), "int32", data=[1]),
            tensor((), "int32"),
            tensor((), "int32", data=3),
            tensor((9,), "int32"),
            tensor((9, 9)),
            tensor((9, 9)),
        ],
        [
            ("SHAPE", [0], [1], {"out_type": 2}),
            ("STRIDED_SLICE", [1, 2, 3, 3], [4], {**mask, "shrink_axis_mask": 1}),
            ("PACK", [4, 5], [6], {"values_count": 2, "axis": 0}),
            ("RESHAPE", [0, 6], [7], {"new_shape": ()}),
            ("TANH", [7], [8], {}),
        ],
    )
    result = folded(original)
    assert names(result) == ["RESHAPE", "TANH"]
    assert result.tensors[8].shape == (2, 3)
    np.testing.assert_array_equal(np.frombuffer(result.tensors[6].data, np.int32), [2, 3])


def test_a_reshaped_constant_has_the_same_bytes() -> None:
    original = graph(
        [tensor((2,)), tensor((2,), data=[1, 2]), tensor((1, 2)), tensor((1, 2))],
        [("RESHAPE", [1], [2], {"new_shape": (1, 2)}), ("ADD", [0, 2], [3], ADD)],
    )
    result = folded(original)
    assert names(result) == ["ADD"]
    assert result.tensors[2].data is original.tensors[1].data


def test_a_state_is_not_constant() -> None:
    original = graph(
        [tensor((2,)), tensor((2,), variable=True), tensor((2,)), tensor((2,))],
        [("TANH", [1], [2], {}), ("ADD", [0, 2], [3], ADD)],
    )
    assert names(folded(original)) == ["TANH", "ADD"]


def test_unsupported_ops_are_returned_and_dropped() -> None:
    original = graph([tensor((2,))] * 2, [("UNIQUE", [0], [1], {})])
    result, left = fold_constants(original, "litert", Lowering(original), PORTABLE)
    assert names(result) == []
    assert [reason.op.name for reason in left] == ["UNIQUE"]


def test_small_constants_that_become_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """4 bytes can be broadcast to any number."""
    from edge_runtime.planner import limits

    monkeypatch.setattr(limits, "CONSTANTS", 4000)
    monkeypatch.setattr(limits, "TIMES", 1)
    original = graph(
        [
            tensor((1000,)),
            tensor((1,), data=[1]),
            tensor((1000,), data=[0] * 1000),
            tensor((1000,)),
        ],
        [("ADD", [1, 2], [3], ADD)],
    )
    with pytest.raises(ModelError, match="at most 4000 bytes of constants; here it is more"):
        folded(original)


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_backends_calculate_the_same_constants(backend: str, tmp_path: Path) -> None:
    """LiteRT calculates them in each run."""
    scale = 0.05
    tensors = [
        build.tensor((1, 5), "int8", scale),
        build.constant([[-128, 0, 1, 50, 127]], "int8", scale),
        build.tensor((1, 5), "int8", 1 / 128),
        build.tensor((1, 5), "int8", scale),
    ]
    nodes = [("TANH", [1], 2, {}), ("ADD", [0, 2], 3, {})]
    path = tmp_path / "model.tflite"
    path.write_bytes(build.model(tensors, nodes))
    model = edge_runtime.load(path, backend=backend)
    tensor = np.arange(5, dtype=np.int8)[None]
    expected = runtimes.builtin_ref(path.read_bytes())(tensor)
    assert model.run(tensor).tobytes() == expected.tobytes()
    planned = plan(model.graph)
    assert [step.op.name for step in planned.steps] == ["ADD"]


def test_an_input_of_any_size_is_known() -> None:
    """Otherwise ops that depend on it would be dropped silently."""
    for elements, message in (2**24, "a file of 1000 bytes may"), (2**30, "and is not empty"):
        large = tensor((1, elements))
        with pytest.raises(ModelError, match=message):
            plan(graph([large, large], [("TANH", [0], [1], {})]))
