"""Ops that only give a tensor another shape become aliases: their outputs share its bytes."""

from __future__ import annotations

from edge_runtime import ops
from edge_runtime.graph import storage
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph


def aliases(graph: Graph) -> Graph:
    """Return the graph without RESHAPE and its like.

    A variable tensor is copied, since it may be written before its alias is read.
    """
    tensors = list(graph.tensors)
    kept = []
    for op in graph.ops:
        module = None if op.custom else ops.find(op.name)
        if not getattr(module, "ALIAS", False):
            kept.append(op)
            continue
        source, output = storage(tensors, op.inputs[0]), op.outputs[0]
        if tensors[source].variable:
            from edge_runtime.ops.copy import copy_op

            kept.append(copy_op(op.index, source, output))
        else:
            tensors[output] = replace(tensors[output], alias_of=source)
    if tuple(kept) == graph.ops:
        return graph
    return replace(graph, tensors=tuple(tensors), ops=tuple(kept))
