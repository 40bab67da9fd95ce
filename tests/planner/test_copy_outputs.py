from edge_runtime.graph import storage
from edge_runtime.planner.passes.aliases import aliases
from edge_runtime.planner.passes.copy_outputs import copy_outputs
from graphs import graph, names, tensor

FLOAT = tensor((2,))


def test_an_output_with_its_own_tensor_needs_no_copy() -> None:
    original = graph([FLOAT] * 3, [("TANH", [0], [1], {}), ("RELU", [1], [2], {})], outputs=[2, 1])
    assert copy_outputs(original) is original


def test_an_output_that_is_the_input_is_copied() -> None:
    original = aliases(
        graph([FLOAT, tensor((1, 2))], [("RESHAPE", [0], [1], {"new_shape": (1, 2)})])
    )
    result = copy_outputs(original)
    (copy,) = result.ops
    assert (copy.name, copy.inputs, copy.outputs) == ("COPY", (0,), result.outputs)
    assert result.tensors[result.outputs[0]].shape == (1, 2)
    assert storage(result, result.outputs[0]) == result.outputs[0]


def test_an_output_that_is_constant_is_copied() -> None:
    original = graph([FLOAT, tensor((2,), data=[1, 2]), FLOAT], [], outputs=[1])
    result = copy_outputs(original)
    assert names(result) == ["COPY"]
    assert result.ops[0].inputs == (1,)
    assert result.tensors[result.outputs[0]].data is None


def test_outputs_that_are_the_same_tensor_get_a_buffer_each() -> None:
    original = aliases(
        graph(
            [FLOAT, FLOAT, tensor((1, 2))],
            [("TANH", [0], [1], {}), ("RESHAPE", [1], [2], {"new_shape": (1, 2)})],
            outputs=[2, 1, 1],
        )
    )
    result = copy_outputs(original)
    assert names(result) == ["TANH", "COPY", "COPY"]
    assert result.outputs[0] == 2
    assert [op.inputs for op in result.ops[1:]] == [(1,), (1,)]
    assert len(set(result.outputs)) == 3


def test_a_state_that_is_an_output_is_copied() -> None:
    original = graph([FLOAT, tensor((2,), variable=True)], [], outputs=[1])
    assert names(copy_outputs(original)) == ["COPY"]
