"""Unroll the loops whose number of rounds is known, and follow the branches that are.

WHILE and IF run other subgraphs of the file. Keras' recurrent layers count their steps from one
constant to another, so that each condition is known once the round before it is.
"""

from __future__ import annotations

from edge_runtime.check import label, require_order, short
from edge_runtime.errors import ModelError, UnsoundError
from edge_runtime.planner import limits
from edge_runtime.planner.limits import NotSupportedError
from edge_runtime.planner.passes.fold_constants import settle
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_runtime.graph import Graph, Op, Tensor
    from edge_runtime.planner.lower import Lowering
    from edge_runtime.planner.plan import Engine

SUBGRAPHS = {
    "IF": ("then_subgraph", "else_subgraph"),
    "WHILE": ("cond_subgraph", "body_subgraph"),
}
"""Op -> the options that name what it runs."""

DEEPEST = 16
"""Most subgraphs that run inside each other."""

MOST_VISITS = 4 * limits.MAX_OPS
"""Most ops and constants in all rounds, with what is calculated here: a second, at worst."""


def loops(graph: Graph, rounding: str, lowering: Lowering, engine: Engine) -> Graph:
    """Return the graph with the ops of its loops, round after round, and of its branches.

    A WHILE or IF whose condition is computed from the model's input stays as it is. Constants are
    folded on the way: counters, and what follows from them. All ops have the index of the op of the
    model that they come from.

    Args:
        graph: the model.
        rounding: one of ``ops.ROUNDINGS``.
        lowering: lowers the ops of this graph.
        engine: runs the kernels of ops whose inputs are all constants.

    Raises:
        ModelError: the rounds have too many ops, or a subgraph does not fit the op that runs it.
    """
    if not any(_runs_subgraphs(op) for op in graph.ops):
        return graph
    unrolling = Unrolling(graph, rounding, lowering, engine)
    numbers = {tensor.index: tensor.index for tensor in graph.tensors}
    for op in graph.ops:
        unrolling.add(op, op, numbers, 0)
    outputs = tuple(numbers[index] for index in graph.outputs)
    tensors, ops = tuple(unrolling.tensors), tuple(unrolling.ops)
    unrolled = replace(graph, tensors=tensors, ops=ops, outputs=outputs)
    limits.require_few_ops(unrolled)
    return unrolled


class Unrolling:
    """A graph to which the ops of subgraphs are added.

    Attributes:
        tensors: those of the model, followed by those of each round.
        ops: the ops whose outputs are not constants.
    """

    def __init__(self, graph: Graph, rounding: str, lowering: Lowering, engine: Engine) -> None:
        self.tensors: list[Tensor] = list(graph.tensors)
        self.ops: list[Op] = []
        self._subgraphs = graph.others
        self._settings = rounding, lowering, engine
        self._constants: dict[int, dict[int, int]] = {}
        self._visits = 0

    def add(self, op: Op, root: Op, numbers: dict[int, int], depth: int) -> None:
        """Add an op, or what it runs.

        Args:
            op: an op of the model or of a subgraph.
            root: the op of the model by which it is run: itself, or a loop or branch.
            numbers: index of a tensor in the op's subgraph -> its index in ``tensors``; here for
                its inputs, and afterwards for its outputs.
            depth: how many subgraphs are around it.
        """
        self._count(root, 1)
        inputs = tuple(numbers[index] if index >= 0 else index for index in op.inputs)
        if _runs_subgraphs(op):
            values = self._values(op, root, inputs, depth)
            if values is not None:
                for index, value in zip(op.outputs, values, strict=True):
                    self._require_same(root, value, self.tensors[numbers[index]])
                    numbers[index] = value
                return
        outputs = tuple(numbers[index] for index in op.outputs)
        op = replace(op, index=root.index, inputs=inputs, outputs=outputs)
        if not self._is_folded(op):
            self.ops.append(op)

    def _is_folded(self, op: Op) -> bool:
        """Calculate the outputs of an op whose inputs are all constants."""
        if not op.inputs or any(self.tensors[index].data is None for index in op.inputs):
            return False
        try:
            outputs = settle(op, self.tensors, *self._settings)
        except NotSupportedError:
            return False
        for output in outputs:
            self.tensors[output.index] = output
        return all(output.data is not None for output in outputs)

    def _values(
        self, op: Op, root: Op, inputs: tuple[int, ...], depth: int
    ) -> Sequence[int] | None:
        """Add the rounds of a loop, or the branch of an IF; return its outputs.

        None, and nothing is added, where a condition is not known.
        """
        if not inputs or (op.name == "WHILE" and len(inputs) != len(op.outputs)):
            raise UnsoundError(
                f"{label(root)}: it has {len(inputs)} inputs and {len(op.outputs)} outputs"
            )
        before = len(self.ops)
        first, second = (op.options[name] for name in SUBGRAPHS[op.name])
        if op.name == "IF":
            chosen = self._truth(inputs[0])
            if chosen is None:
                return None
            number = first if chosen else second
            return self._run(root, number, inputs[1:], len(op.outputs), depth)
        values: Sequence[int] = inputs
        while True:
            (condition,) = self._run(root, first, values, 1, depth)
            holds = self._truth(condition)
            if holds is None:
                del self.ops[before:]
                return None
            if not holds:
                return values
            values = self._run(root, second, values, len(op.outputs), depth)

    def _truth(self, index: int) -> bool | None:
        """Return the value of a condition, None where it is not known."""
        tensor = self.tensors[index]
        if tensor.data is None or tensor.dtype != "bool" or len(tensor.data) != 1:
            return None
        return tensor.data[0] != 0

    def _run(
        self, root: Op, number: int, inputs: Sequence[int], outputs: int, depth: int
    ) -> list[int]:
        """Add the ops of a subgraph, and return the tensors that are its outputs."""
        if not 0 < number <= len(self._subgraphs):
            raise ModelError(f"{label(root)}: there is no subgraph {number} to run")
        if depth >= DEEPEST:
            raise ModelError(f"{label(root)}: more than {DEEPEST} subgraphs run inside each other")
        subgraph = self._subgraphs[number - 1]
        ports = len(subgraph.inputs), len(subgraph.outputs)
        if ports != (len(inputs), outputs) or len({*subgraph.inputs}) < len(inputs):
            raise UnsoundError(
                f"{label(root)}: subgraph {number} has {ports[0]} inputs and {ports[1]} outputs "
                f"for {len(inputs)} and {outputs}"
            )
        numbers = dict(self._constants_of(root, number, subgraph))
        self._count(root, 1 + len(numbers))
        for index, value in zip(subgraph.inputs, inputs, strict=True):
            self._require_same(root, value, subgraph.tensors[index])
            numbers[index] = value
        for op in subgraph.ops:
            for index in op.outputs:
                numbers[index] = len(self.tensors)
                self.tensors.append(replace(subgraph.tensors[index], index=len(self.tensors)))
            self.add(op, root, numbers, depth + 1)
        return [numbers[index] for index in subgraph.outputs]

    def _constants_of(self, root: Op, number: int, subgraph: Graph) -> dict[int, int]:
        """Return the indices in ``tensors`` of a subgraph's constants, which all rounds share."""
        if number not in self._constants:
            require_order(subgraph)
            if any(tensor.variable for tensor in subgraph.tensors):
                raise ModelError(f"{label(root)}: subgraph {number} keeps a state")
            written = {index for op in subgraph.ops for index in op.outputs}
            numbers = self._constants[number] = {}
            for tensor in subgraph.tensors:
                if tensor.data is not None:
                    numbers[tensor.index] = len(self.tensors)
                    self.tensors.append(replace(tensor, index=len(self.tensors)))
            if not written.union(subgraph.inputs, numbers).issuperset(subgraph.outputs):
                raise ModelError(f"{label(root)}: no op writes an output of subgraph {number}")
        return self._constants[number]

    def _count(self, root: Op, visits: int) -> None:
        """Count what is looked at, and what results."""
        self._visits += visits
        if self._visits > MOST_VISITS or len(self.ops) > limits.MAX_OPS:
            raise ModelError(
                f"{label(root)}: its rounds have more than {limits.MAX_OPS} ops, which the engine "
                'takes at most: shorten the sequence, or let LiteRT run it (backend="litert")'
            )

    def _require_same(self, root: Op, value: int, place: Tensor) -> None:
        """Raise unless a tensor means the same in the subgraph to or from which it goes."""
        tensor = self.tensors[value]
        if (tensor.dtype, tensor.quantization) != (place.dtype, place.quantization):
            raise ModelError(
                f"{label(root)}: {short(place.name)!r} is given {tensor.dtype}, "
                f"{tensor.quantization} for {place.dtype}, {place.quantization}"
            )


def _runs_subgraphs(op: Op) -> bool:
    return op.name in SUBGRAPHS and not op.custom
