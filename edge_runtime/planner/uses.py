"""Which ops of a graph read a tensor."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph, Op


def only_readers(graph: Graph) -> dict[int, Op]:
    """Return the op that reads a tensor, for each tensor that one op reads.

    A pass may change such a tensor with its reader. Outputs and variables are left out: the caller
    reads them, too, or the next inference.
    """
    readers: dict[int, Op] = {}
    shared = {*graph.outputs, *(tensor.index for tensor in graph.tensors if tensor.variable)}
    for op in graph.ops:
        for index in {*op.inputs} - {-1}:
            if index in readers:
                shared.add(index)
            readers[index] = op
    return {index: op for index, op in readers.items() if index not in shared}
