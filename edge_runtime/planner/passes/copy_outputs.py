"""Copy outputs that are also an input, a constant, a state or another output to their buffers."""

from __future__ import annotations

from edge_runtime.graph import storage
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph


def copy_outputs(graph: Graph) -> Graph:
    """Return the graph with a copy at its end for each output that shares its tensor."""
    written = {index for op in graph.ops for index in op.outputs}
    sources = [storage(graph, index) for index in graph.outputs]
    copied = [
        position
        for position, source in enumerate(sources)
        if source not in written or source in sources[:position]
    ]
    if not copied:
        return graph
    from edge_runtime.ops.copy import copy_op

    tensors, added, outputs = list(graph.tensors), list(graph.ops), list(graph.outputs)
    for position in copied:
        tensor, outputs[position] = tensors[graph.outputs[position]], len(tensors)
        index = added[-1].index + 1 if added else 0
        added.append(copy_op(index, sources[position], outputs[position]))
        tensors.append(replace(tensor, index=outputs[position], data=None))
    return replace(graph, tensors=tuple(tensors), ops=tuple(added), outputs=tuple(outputs))
