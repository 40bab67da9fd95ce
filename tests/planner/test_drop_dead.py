from edge_runtime.planner.passes.drop_dead import drop_dead
from graphs import graph, names, tensor

FLOAT = tensor((2,))


def test_ops_that_no_output_depends_on_are_dropped() -> None:
    original = graph(
        [FLOAT] * 5,
        [
            ("LOGISTIC", [0], [1], {}),
            ("TANH", [0], [2], {}),  # only read by op 2, whose output is unused
            ("RELU", [2], [3], {}),
            ("RELU6", [1], [4], {}),
        ],
        outputs=[4],
    )
    assert names(drop_dead(original)) == ["LOGISTIC", "RELU6"]


def test_a_graph_without_dead_ops_is_unchanged() -> None:
    original = graph([FLOAT] * 2, [("LOGISTIC", [0], [1], {})])
    assert drop_dead(original) is original


def test_one_live_output_of_several_keeps_an_op() -> None:
    original = graph([FLOAT] * 3, [("SPLIT", [0], [1, 2], {})], outputs=[2])
    assert names(drop_dead(original)) == ["SPLIT"]


def test_every_output_of_the_model_is_alive() -> None:
    original = graph(
        [FLOAT] * 3, [("LOGISTIC", [0], [1], {}), ("TANH", [0], [2], {})], outputs=[1, 2]
    )
    assert names(drop_dead(original)) == ["LOGISTIC", "TANH"]


def test_ops_with_side_effects_are_kept() -> None:
    """An op without outputs, and one that may write a state."""
    original = graph(
        [FLOAT, FLOAT, tensor((2,), variable=True), FLOAT],
        [
            ("ASSIGN_VARIABLE", [0], [], {}),
            ("SVDF", [0, 2], [3], {}),
            ("TANH", [0], [1], {}),
        ],
        outputs=[1],
    )
    assert names(drop_dead(original)) == ["ASSIGN_VARIABLE", "SVDF", "TANH"]


def test_an_absent_optional_input_keeps_nothing_alive() -> None:
    original = graph(
        [FLOAT] * 3, [("TANH", [0], [2], {}), ("LOGISTIC", [0, -1], [1], {})], outputs=[1]
    )
    assert names(drop_dead(original)) == ["LOGISTIC"]
