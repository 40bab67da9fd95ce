"""Replace ops that only change a tensor's shape by aliases: their outputs share its bytes."""

from __future__ import annotations

from edge_runtime import ops
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph


def aliases(graph: Graph) -> Graph:
    """Return the graph without RESHAPE and similar ops.

    A variable tensor is copied, since it may be written before its alias is read, and so is what
    becomes one, since ops write it.
    """
    aliased: dict[int, int] = {}
    kept = []
    for op in graph.ops:
        module = None if op.custom else ops.find(op.name)
        if not getattr(module, "ALIAS", False):
            kept.append(op)
            continue
        source, output = aliased.get(op.inputs[0], op.inputs[0]), op.outputs[0]
        if graph.tensors[source].variable or graph.tensors[output].variable:
            from edge_runtime.ops.copy import copy_op

            kept.append(copy_op(op.index, source, output))
        else:
            aliased[output] = source
    if tuple(kept) == graph.ops:
        return graph
    return replace(graph, ops=tuple(kept), aliases=aliased)
