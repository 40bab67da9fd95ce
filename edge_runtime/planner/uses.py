"""Which ops of a graph read a tensor, and other ops in their place."""

from __future__ import annotations

from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_runtime.graph import Graph, Op

Changes = dict[tuple[int, ...], "Op | None"]
"""Outputs of an op -> the op in its place, None for none. (Several ops may share an index.)"""


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


def changed(graph: Graph, changes: Mapping[tuple[int, ...], Op | None]) -> Graph:
    """Return the graph with other ops, or none, in place of some; ``changes`` as ``Changes``."""
    if not changes:
        return graph
    ops = (changes.get(op.outputs, op) for op in graph.ops)
    return replace(graph, ops=tuple(op for op in ops if op is not None))
