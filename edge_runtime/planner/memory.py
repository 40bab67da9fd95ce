"""Where activations lie: tensors that are never alive together share the same bytes."""

from __future__ import annotations

from edge_runtime.errors import ModelError, UnsoundError
from edge_runtime.graph import storage
from edge_runtime.planner.plan import Plan, Slot, State, Step
from edge_runtime.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph, Tensor
    from edge_runtime.planner.lower import Lowered
    from edge_runtime.planner.plan import Engine

ALIGNMENT = 16
"""Alignment of arena offsets, in bytes: that of TFLite's arenas, and enough for SIMD loads."""


@record
class Lifetime:
    """A tensor that needs a place.

    Attributes:
        size: bytes.
        first: step that writes it.
        last: last step that reads it.
    """

    size: int
    first: int
    last: int


def place(lifetimes: list[Lifetime]) -> tuple[list[int], int]:
    """Return an offset for each tensor and the size of the arena, all multiples of ALIGNMENT.

    The largest first, each at the lowest offset where it meets nobody who is alive at the same
    time. Source: greedy by size, in Pisarchyk and Lee, "Efficient Memory Management for Deep
    Neural Net Inference", 2020; TFLite Micro's GreedyMemoryPlanner does the same.

    Each tensor is compared with those placed before it: 4,096 tensors, of which all are alive at
    once, need 8 million comparisons, about half a second.
    """
    offsets = [0] * len(lifetimes)
    # Start, end, and the first and last step of what is placed, in the order of the starts.
    placed: list[tuple[int, int, int, int]] = []
    for index in sorted(range(len(lifetimes)), key=lambda i: -lifetimes[i].size):
        lifetime = lifetimes[index]
        size, born, dies = lifetime.size, lifetime.first, lifetime.last
        offset = 0
        for start, end, first, last in placed:
            if first <= dies and born <= last and offset < end:
                if offset + size <= start:
                    break
                offset = end
        offsets[index] = offset
        # What is sorted but for its end is sorted in one pass.
        placed.append((offset, offset + _aligned(size), born, dies))
        placed.sort()
    return offsets, max((end for _, end, *_ in placed), default=0)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def require_outputs(graph: Graph, settled: Graph) -> None:
    """Raise when an output is none, or has another shape than the file says.

    Args:
        graph: as it is in the file.
        settled: with the shapes that its ops make.

    Raises:
        ModelError: an output is an input or a constant of the file.
        UnsoundError: it has another shape.
    """
    written = {index for op in graph.ops for index in op.outputs}
    for index in graph.outputs:
        if index not in written:
            raise ModelError("its output is its input: no op makes it")
        said, found = graph.tensors[index].shape, settled.tensors[index].shape
        if said != found:
            raise UnsoundError(
                f"its output is {list(said)} in the file, and its ops make {list(found)}"
            )


def lay_out(graph: Graph, lowered: list[Lowered], engine: Engine | None, room: int) -> Plan:
    """Give every tensor that a kernel touches a slot, and the computed ones a place.

    The variant of each kernel is chosen first: it may need scratch memory.

    Args:
        graph: after all passes: each output is written by an op for it alone.
        lowered: its kernels.
        engine: chooses the variants; None for the portable kernels.
        room: bytes that inputs, outputs and arena may take together.

    Raises:
        ModelError: they take more.
    """
    tensors = graph.tensors
    numbers: dict[int, int] = {}
    slots: list[Slot] = []
    places = {index: ("input", at) for at, index in enumerate(graph.inputs)}
    places |= {storage(graph, index): ("output", at) for at, index in enumerate(graph.outputs)}

    def number(index: int) -> int:
        index = storage(graph, index)
        if index not in numbers:
            tensor = tensors[index]
            where = ("constant", 0) if tensor.data is not None else ("arena", 0)
            numbers[index] = len(slots)
            slots.append(Slot(tensor.dtype, tensor.size, tensor.data, *places.get(index, where)))
        return numbers[index]

    inputs = tuple(number(index) for index in graph.inputs)
    steps: list[Step] = []
    for op, kernel in lowered:
        reads = [number(op.inputs[position]) for position in kernel.inputs]
        for constant in kernel.constants:
            data = memoryview(constant.data)
            reads.append(len(slots))
            slots.append(Slot(constant.dtype, len(data), data, "constant"))
        level, size = ("portable", 0)
        if engine is not None:
            level, size = engine.choose(kernel, [slots[slot] for slot in reads])
        writes = tuple(number(index) for index in op.outputs)
        scratch = (len(slots),) if size else ()
        if size:
            slots.append(Slot("uint8", size, None, "arena"))
        steps.append(Step(op, kernel, tuple(reads), writes, scratch, level))
    outputs = tuple(number(index) for index in graph.outputs)
    states = tuple(
        State(slot, _fill(tensors[index]))
        for index, slot in numbers.items()
        if tensors[index].variable
    )
    arena = _place(slots, steps, {state.slot for state in states})
    taken = arena + sum(slots[slot].size for slot in (*inputs, *outputs))
    if taken > room:
        raise ModelError(
            f"input, output and activations take {taken} bytes; a file of {graph.size} bytes may "
            f"take {room}"
        )
    return Plan(tuple(slots), tuple(steps), inputs, outputs, arena, states, graph)


def _fill(state: Tensor) -> int:
    """Return the byte of which a variable tensor is full at first.

    Source: ResetVariableTensor in tensorflow/lite/kernels/internal/... of LiteRT.
    """
    zero_point = state.zero_point
    return zero_point % 256 if state.dtype == "int8" and zero_point is not None else 0


def _place(slots: list[Slot], steps: list[Step], states: set[int]) -> int:
    """Give computed slots their place, and return the arena's size.

    A kernel that can work in place takes its input's place over when nobody else needs it: so
    what comes before the model's output is calculated in the caller's output buffer.
    """
    last = {slot: index for index, step in enumerate(steps) for slot in step.slots}
    first = {
        slot: index for index, step in enumerate(steps) for slot in (*step.writes, *step.scratch)
    }
    for state in states:
        first[state], last[state] = 0, len(steps)
    root = list(range(len(slots)))
    for index, step in reversed(list(enumerate(steps))):
        if not step.kernel.in_place:
            continue
        source, output = step.reads[0], step.writes[0]
        if (
            slots[source].place == "arena"
            and slots[source].size == slots[output].size
            and last[source] == index
        ):
            root[source] = root[output]
    shared: dict[int, Lifetime] = {}
    for slot, own in enumerate(root):
        if slots[slot].place == "arena" and slots[own].place == "arena":
            lifetime = Lifetime(slots[slot].size, first[slot], last[slot])
            was = shared.get(own, lifetime)
            start, end = min(was.first, lifetime.first), max(was.last, lifetime.last)
            shared[own] = Lifetime(lifetime.size, start, end)
    offsets, size = place(list(shared.values()))
    where = dict(zip(shared, offsets, strict=True))
    for slot, own in enumerate(root):
        if slots[slot].place == "arena":
            offset = where[own] if own in where else slots[own].offset
            slots[slot] = replace(slots[slot], place=slots[own].place, offset=offset)
    return size
