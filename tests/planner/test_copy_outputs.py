from edge_runtime.graph import storage
from edge_runtime.planner.passes.aliases import aliases
from edge_runtime.planner.passes.copy_outputs import copy_outputs
from graphs import graph, names, tensor

FLOAT = tensor((2,))


def test_what_ops_write_for_one_output_alone_needs_no_copy() -> None:
    given = graph([FLOAT] * 3, [("TANH", [0], [1], {}), ("RELU", [1], [2], {})], outputs=[2, 1])
    assert copy_outputs(given) is given


def test_an_output_that_is_the_input_is_copied() -> None:
    given = aliases(graph([FLOAT, tensor((1, 2))], [("RESHAPE", [0], [1], {"new_shape": (1, 2)})]))
    found = copy_outputs(given)
    (copy,) = found.ops
    assert (copy.name, copy.inputs, copy.outputs) == ("COPY", (0,), found.outputs)
    assert found.tensors[found.outputs[0]].shape == (1, 2)
    assert storage(found, found.outputs[0]) == found.outputs[0]


def test_an_output_that_is_constant_is_copied() -> None:
    given = graph([FLOAT, tensor((2,), data=[1, 2]), FLOAT], [], outputs=[1])
    found = copy_outputs(given)
    assert names(found) == ["COPY"]
    assert found.ops[0].inputs == (1,)
    assert found.tensors[found.outputs[0]].data is None


def test_outputs_that_are_the_same_tensor_get_a_buffer_each() -> None:
    given = aliases(
        graph(
            [FLOAT, FLOAT, tensor((1, 2))],
            [("TANH", [0], [1], {}), ("RESHAPE", [1], [2], {"new_shape": (1, 2)})],
            outputs=[2, 1, 1],
        )
    )
    found = copy_outputs(given)
    assert names(found) == ["TANH", "COPY", "COPY"]
    assert found.outputs[0] == 2
    assert [op.inputs for op in found.ops[1:]] == [(1,), (1,)]
    assert len(set(found.outputs)) == 3


def test_a_state_that_is_an_output_is_copied() -> None:
    given = graph([FLOAT, tensor((2,), variable=True)], [], outputs=[1])
    assert names(copy_outputs(given)) == ["COPY"]
