"""The layout of memory: tensors that are never alive together share the same bytes."""

from __future__ import annotations

from edge_runtime.errors import ModelError
from edge_runtime.graph import storage
from edge_runtime.planner.plan import Plan, Slot, State, Step, constant_slots
from edge_runtime.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_runtime.graph import Graph, Tensor
    from edge_runtime.planner.lower import Lowered
    from edge_runtime.planner.plan import Engine

ALIGNMENT = 16
"""Alignment of arena offsets, in bytes: that of TFLite's arenas, and enough for SIMD loads."""


@record
class Lifetime:
    """Size and lifetime of a tensor in the arena.

    Attributes:
        size: bytes.
        first: index of the step that writes it.
        last: index of the last step that reads it.
    """

    size: int
    first: int
    last: int


def place(lifetimes: list[Lifetime]) -> tuple[list[int], int]:
    """Return an offset for each tensor and the size of the arena, all multiples of ALIGNMENT.

    The largest first, each at the lowest offset where it overlaps no tensor that is alive at the
    same time. Source: greedy by size, in Pisarchyk and Lee, "Efficient Memory Management for Deep
    Neural Net Inference", 2020; TFLite Micro's GreedyMemoryPlanner does the same.

    Each tensor is compared with those placed before it: 4,096 tensors that are all alive at once,
    and as much scratch memory, need 25 million comparisons, one or two seconds.
    """
    offsets = [0] * len(lifetimes)
    # Start, end, first and last step of each tensor placed so far, sorted by start.
    placed: list[tuple[int, int, int, int]] = []
    for index in sorted(range(len(lifetimes)), key=lambda i: -lifetimes[i].size):
        lifetime = lifetimes[index]
        size, born, dies = lifetime.size, lifetime.first, lifetime.last
        offset, position = 0, len(placed)
        for at, (start, end, first, last) in enumerate(placed):
            if offset + size <= start:
                position = at
                break
            if first <= dies and born <= last and offset < end:
                offset = end
        offsets[index] = offset
        while position and placed[position - 1][0] > offset:
            position -= 1
        placed.insert(position, (offset, offset + _aligned(size), born, dies))
    return offsets, max((end for _, end, *_ in placed), default=0)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def lay_out(graph: Graph, lowered: list[Lowered], engine: Engine, room: int) -> Plan:
    """Assign a slot to every tensor that a kernel touches, and a place to every computed one.

    The variant of each kernel is chosen first: it may need scratch memory.

    Args:
        graph: the graph after all passes, in which an op writes each output, and only that.
        lowered: its kernels.
        engine: chooses the variants.
        room: most bytes of inputs, outputs and arena together.

    Raises:
        ModelError: they need more.
    """
    tensors = graph.tensors
    numbers: dict[int, int] = {}
    slots: list[Slot] = []
    places = {index: ("input", i) for i, index in enumerate(graph.inputs)}
    places |= {storage(graph, index): ("output", i) for i, index in enumerate(graph.outputs)}

    def number(index: int) -> int:
        index = storage(graph, index)
        if index not in numbers:
            tensor = tensors[index]
            default = ("constant", 0) if tensor.data is not None else ("arena", 0)
            numbers[index] = len(slots)
            slots.append(Slot(tensor.dtype, tensor.size, tensor.data, *places.get(index, default)))
        return numbers[index]

    # Ops that have the same constants share their kernel: see ``Lowering``.
    chosen: dict[int, tuple[list[int], str, int]] = {}
    inputs = tuple(number(index) for index in graph.inputs)
    steps: list[Step] = []
    for op, kernel in lowered:
        reads = [number(op.inputs[position]) for position in kernel.inputs]
        if id(kernel) not in chosen:
            added = constant_slots(kernel.constants)
            level, size = engine.choose(kernel, [*(slots[slot] for slot in reads), *added])
            chosen[id(kernel)] = list(range(len(slots), len(slots) + len(added))), level, size
            slots += added
        constants, level, size = chosen[id(kernel)]
        reads += constants
        writes = tuple(number(index) for index in op.outputs)
        scratch = (len(slots),) if size else ()
        if size:
            slots.append(Slot("uint8", size, None, "arena"))
        steps.append(Step(op, kernel, tuple(reads), writes, scratch, level))
    outputs = tuple(number(index) for index in graph.outputs)
    states = tuple(
        _state(slot, tensors[index], graph.initial.get(index))
        for index, slot in numbers.items()
        if tensors[index].variable
    )
    arena = place_slots(slots, steps, {state.slot for state in states})
    needed = arena + sum(slots[slot].size for slot in (*inputs, *outputs))
    if needed > room:
        raise ModelError(
            f"input, output and activations take {needed} bytes; a file of {graph.size} bytes may "
            f"take {room}: make images, channels or the batch smaller"
        )
    return Plan(tuple(slots), tuple(steps), inputs, outputs, arena, states, graph)


def _state(slot: int, state: Tensor, initial: memoryview | None) -> State:
    """Return what a variable tensor holds before the first inference.

    Source: ResetVariableTensor in tensorflow/lite/core/api/tensor_utils.cc: the zero point of int8,
    0 for all other types, unless something else was assigned.
    """
    if initial is not None:
        data = bytes(initial)
        return State(slot, data[0], None if data.count(data[:1]) == len(data) else initial)
    zero_point = state.zero_point
    return State(slot, zero_point % 256 if state.dtype == "int8" and zero_point is not None else 0)


def place_slots(
    slots: list[Slot], steps: Sequence[Step], states: set[int], times: Sequence[int] | None = None
) -> int:
    """Assign a place to each computed slot, and return the arena's size.

    Steps of the same one of the ``times``, which never fall, may run at the same time; without
    ``times`` they run one after another.

    A kernel that can work in place writes to its input's place if no later step needs the input:
    so the kernels before the model's output calculate in the caller's output buffer. Not in that of
    a state, whose earlier value may be read until then.
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
            and output not in states
        ):
            root[source] = root[output]
    at = [*(range(len(steps)) if times is None else times), len(steps)]
    shared: dict[int, Lifetime] = {}
    for slot, owner in enumerate(root):
        if slots[slot].place == "arena" and slots[owner].place == "arena":
            lifetime = Lifetime(slots[slot].size, at[first[slot]], at[last[slot]])
            other = shared.get(owner, lifetime)
            start, end = min(other.first, lifetime.first), max(other.last, lifetime.last)
            shared[owner] = Lifetime(lifetime.size, start, end)
    offsets, size = place(list(shared.values()))
    placed = dict(zip(shared, offsets, strict=True))
    for slot, owner in enumerate(root):
        if slots[slot].place == "arena":
            offset = placed[owner] if owner in placed else slots[owner].offset
            slots[slot] = replace(slots[slot], place=slots[owner].place, offset=offset)
    return size
