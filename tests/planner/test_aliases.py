from edge_runtime.graph import storage
from edge_runtime.planner.passes.aliases import aliases
from graphs import graph, names, tensor


def test_reshaping_becomes_an_alias() -> None:
    given = graph(
        [tensor((2, 3)), tensor((6,)), tensor((1, 6)), tensor((1, 6))],
        [
            ("RESHAPE", [0], [1], {"new_shape": (6,)}),
            ("EXPAND_DIMS", [1], [2], {}),
            ("TANH", [2], [3], {}),
        ],
    )
    found = aliases(given)
    assert names(found) == ["TANH"]
    assert [storage(found, index) for index in range(4)] == [0, 0, 0, 3]
    assert [one.shape for one in found.tensors] == [one.shape for one in given.tensors]


def test_a_graph_without_such_ops_stays_as_it_is() -> None:
    given = graph([tensor((2,))] * 2, [("TANH", [0], [1], {})])
    assert aliases(given) is given


def test_a_custom_op_of_that_name_is_none() -> None:
    from edge_runtime.record import replace

    given = graph([tensor((2,))] * 2, [("RESHAPE", [0], [1], {})])
    (op,) = given.ops
    assert names(aliases(replace(given, ops=(replace(op, custom=True),)))) == ["RESHAPE"]


def test_a_state_is_copied_because_it_may_be_written_before_it_is_read() -> None:
    given = graph(
        [tensor((2,)), tensor((2,), variable=True), tensor((1, 2)), tensor((1, 2))],
        [("RESHAPE", [1], [2], {"new_shape": (1, 2)}), ("ADD", [0, 2], [3], {})],
    )
    found = aliases(given)
    assert names(found) == ["COPY", "ADD"]
    assert storage(found, 2) == 2
