"""A Graph to a Plan: shapes inferred, constants folded, ops lowered, the arena laid out.

The file may be hostile. The reader has checked each tensor and op alone; here they are checked
against each other, so that a kernel touches only its tensors: the output of an op has the shape,
size and quantisation on which its readers rely, every parameter fits into int32, and the model
stays within the memory that a file of its size may use.
"""

from __future__ import annotations

from os.path import dirname, join

from edge_runtime import ops
from edge_runtime.check import require_order, require_runnable
from edge_runtime.errors import BackendError, ModelError
from edge_runtime.planner import limits
from edge_runtime.planner.lower import Lowering, lower
from edge_runtime.planner.memory import lay_out
from edge_runtime.planner.passes.aliases import aliases
from edge_runtime.planner.passes.copy_outputs import copy_outputs
from edge_runtime.planner.passes.drop_dead import drop_dead
from edge_runtime.planner.passes.fold_constants import fold_constants
from edge_runtime.planner.passes.tables import tables
from edge_runtime.planner.portable import PORTABLE
from edge_runtime.record import replace

# In a wheel, modules that are seldom used lie there: see setup.py.
__path__.append(join(dirname(__path__[0]), "seldom.zip", "planner"))  # noqa: PTH118, PTH120

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph
    from edge_runtime.planner.plan import Engine, Plan
    from edge_runtime.unsupported import Unsupported

REWRITES = {
    "variables": {"CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"},
    "loops": {"IF", "WHILE"},
    "transposes": {"TRANSPOSE"},
    "dilations": {"SPACE_TO_BATCH_ND"},
    "pads": {"PAD", "PADV2"},
}
"""Pass -> the ops of which a graph has one where that pass does anything: without them it is not
imported."""


def plan(graph: Graph, rounding: str = "litert", engine: Engine = PORTABLE) -> Plan:
    """Plan a graph for the batch size of its shapes.

    Args:
        graph: the model.
        rounding: one of ``ops.ROUNDINGS``.
        engine: runs the plan and chooses the variants of its kernels.

    Raises:
        BackendError: there is no such rounding.
        ModelError: ops are not supported; the message says which and how many. Or the model
            contradicts itself, or needs more memory than a file of its size may use.
    """
    if rounding not in ops.ROUNDINGS:
        raise BackendError(f"rounding is one of {', '.join(ops.ROUNDINGS)}, not {rounding!r}")
    require_runnable(graph)
    limits.require_few_ops(graph)
    limits.require_ranks(graph)
    lowering = Lowering(graph)
    stateful = rewritten("variables", graph)
    unrolled = rewritten("loops", drop_dead(stateful), rounding, lowering, engine)
    settled, left = fold_constants(drop_dead(unrolled), rounding, lowering, engine)
    simplified = settled
    if not left:
        for name in "transposes", "dilations", "pads":
            simplified = rewritten(name, simplified)
        simplified = drop_dead(simplified)
        simplified = tables(simplified, rounding, lowering, engine)
    simplified = aliases(simplified)
    if not left:
        simplified = copy_outputs(drop_dead(simplified))
    lowered, beyond = lower(simplified, rounding, lowering)
    if left or beyond:
        from edge_runtime.unsupported import refusal

        raise ModelError(refusal(graph, _ordered([*left, *beyond])))
    limits.require_filled(simplified)
    return lay_out(simplified, lowered, engine, lowering.room)


def rewritten(name: str, graph: Graph, *context: object) -> Graph:
    """Return the graph after a pass of ``REWRITES``.

    Args:
        name: of the pass.
        graph: the graph.
        context: further arguments of the pass.
    """
    if REWRITES[name].isdisjoint(op.name for op in graph.ops):
        return graph
    module = __import__(f"{__name__}.passes.{name}", fromlist=[name])
    output: Graph = vars(module)[name](graph, *context)
    return output


def unsupported(graph: Graph) -> list[Unsupported]:
    """Return all ops that the outputs depend on and the engine does not run.

    Raises:
        ModelError: the model contradicts itself, or needs more memory than it may use.
    """
    require_order(graph)
    limits.require_few_ops(graph)
    lowering = Lowering(graph)
    usable = [i for i in graph.inputs if limits.usable(graph.tensors[i], lowering.room)]
    stateful = rewritten("variables", graph)
    unrolled = rewritten("loops", drop_dead(stateful), "litert", lowering, PORTABLE)
    reached = replace(drop_dead(unrolled), inputs=tuple(usable))
    settled, left = fold_constants(reached, "litert", lowering, PORTABLE)
    return _ordered([*left, *lower(aliases(settled), "litert", lowering)[1]])


def states_its_shapes(graph: Graph) -> bool:
    """Return whether each tensor of a graph that can be planned has the shape that its op infers.

    A plan uses the inferred shapes, and only the ops on which an output depends; other engines use
    the shapes in the file, and run all ops.

    Raises:
        ModelError: the model contradicts itself, or needs more memory than it may.
    """
    graph = rewritten("variables", graph)
    settled, left = fold_constants(graph, "litert", Lowering(graph), PORTABLE)
    return not left and all(
        tensor.shape == stated.shape
        for tensor, stated in zip(settled.tensors, graph.tensors, strict=True)
    )


def _ordered(ops: list[Unsupported]) -> list[Unsupported]:
    """Return the ops in the order of the file; one that several rounds of a loop run, once."""
    once = {(one.op.index, one.op.name, one.output, one.statement): one for one in ops}
    return sorted(once.values(), key=lambda reason: reason.op.index)
