"""WHILE and IF whose condition is not known; tests/planner/test_loops.py has the others."""

import pytest

import build
import control
from edge_runtime import ModelError, planner
from edge_runtime.reader import read

SEEDS = {"WHILE": control.doubling(3), "IF": control.branches(True)}


def by_data() -> bytes:
    """A loop that starts to count at its input."""
    tensors = [build.tensor((1,), "int32"), build.tensor((1,), "int32")]
    options = {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}
    graph = (tensors, [("WHILE", [0], [1], options)], [0], [1])
    return build.file([graph, control.counts_to(3), control.body([], [], [], [])])


@pytest.mark.parametrize(
    ("data", "name"), [(by_data(), "WHILE"), (control.branches(None), "IF")], ids=["WHILE", "IF"]
)
def test_a_condition_that_depends_on_the_input_is_refused(data: bytes, name: str) -> None:
    graph = read(data)
    message = f"op 0, {name}.*: the condition follows from constants.*computed from the input"
    with pytest.raises(ModelError, match=message):
        planner.plan(graph)
    (found,) = planner.unsupported(graph)
    assert (found.op.name, found.why) == (
        name,
        "the condition follows from constants, as that of a loop which counts its rounds does",
    )
