"""IF and WHILE: other subgraphs of the file, once or round after round.

A pass of the planner puts what they run in their place; only those that it cannot come here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.ops.call import Call


def condition_is_known(call: Call) -> str | None:  # noqa: ARG001 - else the pass would replace it
    """The condition follows from constants, as that of a loop which counts its rounds does."""
    return "it is computed from the input"


CONSTRAINTS = (condition_is_known,)


def shapes(call: Call) -> tuple[tuple[int, ...], ...]:
    """Return the shapes in the file."""
    return tuple(output.shape for output in call.outputs)
