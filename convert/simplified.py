"""What the planner's passes did to the ops of a file: folded, aliased, merged, dropped, copied."""

from dataclasses import dataclass

from edge_runtime.graph import Graph, Op, storage
from edge_runtime.planner.passes.drop_dead import drop_dead
from edge_runtime.planner.plan import Plan
from edge_runtime.record import replace

COPY = "COPY"


@dataclass(frozen=True)
class Simplification:
    """An op that does not run as the file has it, or a copy that the file does not have.

    Attributes:
        op: index of the op in the file; None for a copy that is not in the file.
        name: its builtin name.
        kind: "folded" for an op whose output is calculated when the model is opened, "alias" for
            one whose output shares the bytes of another tensor, "merged" for one whose work
            other steps do, such as a loop by its rounds or a PAD by a convolution, "dead" for one
            on which no output of the model depends, "copied" for one that is a copy of bytes.
        tensor: name of its output in the file; "" of an op without one.
        source: name of the tensor that has the bytes, or from which they are copied; else "".
        size: bytes of what is folded; else 0.
    """

    op: int | None
    name: str
    kind: str
    tensor: str
    source: str
    size: int


def simplifications(graph: Graph, plan: Plan) -> tuple[Simplification, ...]:
    """Return the ops of ``graph`` that its plan does not run as they are, then added copies."""
    steps = [step.op for step in plan.steps]
    names = {op.index: op.name for op in graph.ops}
    runs = {op.index for op in steps if names.get(op.index) == op.name}
    copies = {op.index: op for op in steps if op.name == COPY and not is_added(graph, op)}
    computed = [op for op in graph.ops if not _is_folded(plan.graph, op)]
    needed = {op.index for op in drop_dead(replace(graph, ops=tuple(computed))).ops}
    in_file = (
        _copied(plan.graph, copies[op.index], op.index, op.name)
        if op.index in copies
        else _dropped(plan.graph, op, is_needed=op.index in needed)
        for op in graph.ops
        if op.index not in runs
    )
    added = (_copied(plan.graph, op, None, COPY) for op in steps if is_added(graph, op))
    return (*in_file, *added)


def is_added(graph: Graph, op: Op) -> bool:
    """Tell whether an op of a plan is a copy to a tensor that its file does not have."""
    return op.name == COPY and any(index >= len(graph.tensors) for index in op.outputs)


def _is_folded(graph: Graph, op: Op) -> bool:
    return bool(op.outputs) and all(graph.tensors[index].data is not None for index in op.outputs)


def _dropped(graph: Graph, op: Op, *, is_needed: bool) -> Simplification:
    """Return what became of an op that is not in the graph after the passes."""
    outputs = [graph.tensors[index] for index in op.outputs]
    kind, source, size = "merged" if is_needed else "dead", "", 0
    if _is_folded(graph, op):
        kind, size = "folded", sum(output.size for output in outputs)
    elif outputs and op.outputs[0] in graph.aliases:
        kind, source = "alias", graph.tensors[storage(graph, op.outputs[0])].name
    return Simplification(op.index, op.name, kind, outputs[0].name if outputs else "", source, size)


def _copied(graph: Graph, copy: Op, index: int | None, name: str) -> Simplification:
    output, source = graph.tensors[copy.outputs[0]].name, graph.tensors[copy.inputs[0]].name
    return Simplification(index, name, "copied", output, source, 0)
