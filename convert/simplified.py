"""What the planner's passes did to the ops of a file: folded, aliased, dropped, copied."""

from dataclasses import dataclass

from edge_runtime.graph import Graph, Op, storage
from edge_runtime.planner.plan import Plan

COPY = "COPY"


@dataclass(frozen=True)
class Simplification:
    """An op that does not run as the file has it, or a copy that the file does not have.

    Attributes:
        op: index of the op in the file; None for a copy that is not in the file.
        name: its builtin name.
        kind: "folded" for an op whose output is calculated when the model is opened, "alias" for
            one whose output shares the bytes of another tensor, "dead" for one on which no output
            of the model depends, "copied" for one that is a copy of bytes.
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
    kept = {step.op.index: step.op for step in plan.steps if not is_added(graph, step.op)}
    added = [step.op for step in plan.steps if is_added(graph, step.op)]
    dropped = (_dropped(plan.graph, op) for op in graph.ops if op.index not in kept)
    copied = (
        _copied(plan.graph, kept[op.index], op.index, op.name)
        for op in graph.ops
        if op.index in kept and kept[op.index].name == COPY
    )
    in_file = sorted((*dropped, *copied), key=lambda one: one.op or 0)
    return (*in_file, *(_copied(plan.graph, op, None, COPY) for op in added))


def is_added(graph: Graph, op: Op) -> bool:
    """Tell whether an op of a plan is a copy to a tensor that its file does not have."""
    return op.name == COPY and any(index >= len(graph.tensors) for index in op.outputs)


def _dropped(graph: Graph, op: Op) -> Simplification:
    """Return what became of an op that is not in the graph after the passes."""
    outputs = [graph.tensors[index] for index in op.outputs]
    kind, source, size = "dead", "", 0
    if outputs and all(output.data is not None for output in outputs):
        kind, size = "folded", sum(output.size for output in outputs)
    elif outputs and op.outputs[0] in graph.aliases:
        kind, source = "alias", graph.tensors[storage(graph, op.outputs[0])].name
    return Simplification(op.index, op.name, kind, outputs[0].name if outputs else "", source, size)


def _copied(graph: Graph, copy: Op, index: int | None, name: str) -> Simplification:
    output, source = graph.tensors[copy.outputs[0]].name, graph.tensors[copy.inputs[0]].name
    return Simplification(index, name, "copied", output, source, 0)
