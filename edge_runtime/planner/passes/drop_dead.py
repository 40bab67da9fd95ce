"""Drop ops whose outputs are not used."""

from __future__ import annotations

from edge_runtime.graph import storage
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph


def drop_dead(graph: Graph) -> Graph:
    """Return the graph without the ops on which no output of the model and no state depends.

    Ops without outputs are kept, those that write a variable tensor, and those that read one, which
    they may write.
    """
    tensors = graph.tensors
    needed = {storage(graph, index) for index in graph.outputs}
    kept = []
    for op in reversed(graph.ops):
        inputs = [index for index in op.inputs if index >= 0]
        acts = not op.outputs or any(tensors[index].variable for index in (*inputs, *op.outputs))
        if acts or not needed.isdisjoint(op.outputs):
            kept.append(op)
            needed.update(storage(graph, index) for index in inputs)
    if len(kept) == len(graph.ops):
        return graph
    return replace(graph, ops=tuple(reversed(kept)))
