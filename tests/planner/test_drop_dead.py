from edge_runtime.planner.passes.drop_dead import drop_dead
from graphs import graph, names, tensor

FLOAT = tensor((2,))


def test_ops_that_no_output_depends_on_are_dropped() -> None:
    given = graph(
        [FLOAT] * 5,
        [
            ("LOGISTIC", [0], [1], {}),
            ("TANH", [0], [2], {}),  # of 3 alone, which nobody reads
            ("RELU", [2], [3], {}),
            ("RELU6", [1], [4], {}),
        ],
        outputs=[4],
    )
    assert names(drop_dead(given)) == ["LOGISTIC", "RELU6"]


def test_a_graph_without_dead_ops_stays_as_it_is() -> None:
    given = graph([FLOAT] * 2, [("LOGISTIC", [0], [1], {})])
    assert drop_dead(given) is given


def test_one_live_output_of_several_keeps_an_op() -> None:
    given = graph([FLOAT] * 3, [("SPLIT", [0], [1, 2], {})], outputs=[2])
    assert names(drop_dead(given)) == ["SPLIT"]


def test_every_output_of_the_model_is_alive() -> None:
    given = graph([FLOAT] * 3, [("LOGISTIC", [0], [1], {}), ("TANH", [0], [2], {})], outputs=[1, 2])
    assert names(drop_dead(given)) == ["LOGISTIC", "TANH"]


def test_what_acts_on_something_else_stays() -> None:
    """An op without outputs, and one that may write a state."""
    given = graph(
        [FLOAT, FLOAT, tensor((2,), variable=True), FLOAT],
        [
            ("ASSIGN_VARIABLE", [0], [], {}),
            ("SVDF", [0, 2], [3], {}),
            ("TANH", [0], [1], {}),
        ],
        outputs=[1],
    )
    assert names(drop_dead(given)) == ["ASSIGN_VARIABLE", "SVDF", "TANH"]


def test_an_absent_optional_input_keeps_nothing_alive() -> None:
    given = graph(
        [FLOAT] * 3, [("TANH", [0], [2], {}), ("LOGISTIC", [0, -1], [1], {})], outputs=[1]
    )
    assert names(drop_dead(given)) == ["LOGISTIC"]
