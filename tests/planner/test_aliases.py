from edge_runtime.graph import storage
from edge_runtime.planner.passes.aliases import aliases
from graphs import graph, names, tensor


def test_reshaping_becomes_an_alias() -> None:
    original = graph(
        [tensor((2, 3)), tensor((6,)), tensor((1, 6)), tensor((1, 6))],
        [
            ("RESHAPE", [0], [1], {"new_shape": (6,)}),
            ("EXPAND_DIMS", [1], [2], {}),
            ("TANH", [2], [3], {}),
        ],
    )
    result = aliases(original)
    assert names(result) == ["TANH"]
    assert [storage(result, index) for index in range(4)] == [0, 0, 0, 3]
    assert [item.shape for item in result.tensors] == [item.shape for item in original.tensors]


def test_a_graph_without_such_ops_is_unchanged() -> None:
    original = graph([tensor((2,))] * 2, [("TANH", [0], [1], {})])
    assert aliases(original) is original


def test_a_custom_op_with_such_a_name_is_no_alias() -> None:
    from edge_runtime.record import replace

    original = graph([tensor((2,))] * 2, [("RESHAPE", [0], [1], {})])
    (op,) = original.ops
    assert names(aliases(replace(original, ops=(replace(op, custom=True),)))) == ["RESHAPE"]


def test_a_state_is_copied_because_it_may_be_written_before_it_is_read() -> None:
    original = graph(
        [tensor((2,)), tensor((2,), variable=True), tensor((1, 2)), tensor((1, 2))],
        [("RESHAPE", [1], [2], {"new_shape": (1, 2)}), ("ADD", [0, 2], [3], {})],
    )
    result = aliases(original)
    assert names(result) == ["COPY", "ADD"]
    assert storage(result, 2) == 2


def test_what_becomes_a_state_is_copied_because_ops_write_it() -> None:
    original = graph(
        [tensor((2,)), tensor((1, 2), variable=True), tensor((1, 2))],
        [("RESHAPE", [0], [1], {"new_shape": (1, 2)}), ("ADD", [1, 1], [2], {})],
    )
    assert names(aliases(original)) == ["COPY", "ADD"]
