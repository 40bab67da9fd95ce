"""Where the engine keeps tensors and how long each is alive: the plan's memory, step by step."""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass

from edge_runtime.graph import Graph
from edge_runtime.planner import plan
from edge_runtime.planner.plan import Plan, Slot, Step
from edge_runtime.reader import read

SCRATCH, STATE = "(scratch)", "(state)"
"""What memory is called that is no tensor that an op writes."""


@dataclass(frozen=True)
class Span:
    """A tensor that is not constant, and when it is alive.

    Attributes:
        name: name in the file; after a RESHAPE, which moves nothing, that of its input.
        dtype: element type.
        size: bytes.
        place: "arena", or "input" or "output" for the caller's buffer.
        offset: bytes from the start of the arena; 0 in the caller's buffers.
        first: step that writes it; -1 for the model's input.
        reads: steps that read it.
        last: last step at which it is alive; the last of all for the model's output.
    """

    name: str
    dtype: str
    size: int
    place: str
    offset: int
    first: int
    reads: tuple[int, ...]
    last: int


@dataclass(frozen=True)
class StepMemory:
    """Memory of a step.

    Attributes:
        op: index of the op in the file.
        name: its builtin name.
        kernel: name of the kernel.
        alive: positions in ``Memory.tensors`` of the tensors alive during the step.
        arena: bytes of the arena that are in use.
        file_bytes: bytes of the constants that it reads in the file, in place.
        table_bytes: bytes of the constants that the lowering created for it.
    """

    op: int
    name: str
    kernel: str
    alive: tuple[int, ...]
    arena: int
    file_bytes: int
    table_bytes: int


@dataclass(frozen=True)
class Memory:
    """The memory of a plan.

    Attributes:
        arena: bytes that the engine needs for activations.
        peak: most bytes of it in use at once.
        file_bytes: bytes of the constants that are used in the file, each tensor counted once.
        table_bytes: bytes of the constants that are created when the model is opened.
        tensors: the model's input, then the outputs of the steps, in their order.
        steps: in execution order.
    """

    arena: int
    peak: int
    file_bytes: int
    table_bytes: int
    tensors: tuple[Span, ...]
    steps: tuple[StepMemory, ...]


def memory(data: bytes) -> Memory:
    """Return the memory of the plan for the .tflite file with content ``data``.

    Raises:
        ModelError: it is damaged, or the engine cannot plan it; the message says why.
    """
    graph = read(data)
    planned = plan(graph)
    spans = _spans(graph, planned)
    steps = _steps(data, planned, spans)
    constants = [slot for slot in planned.slots if slot.data is not None]
    in_file, tables = _constant_bytes(data, constants)
    return Memory(
        arena=planned.arena,
        peak=max(step.arena for step in steps),
        file_bytes=in_file,
        table_bytes=tables,
        tensors=tuple(spans),
        steps=steps,
    )


def _spans(graph: Graph, plan: Plan) -> list[Span]:
    """Return the tensors that are no constants."""
    names = {
        slot: graph.tensors[index].name
        for slot, index in zip(plan.inputs, graph.inputs, strict=True)
    }
    first = dict.fromkeys(plan.inputs, -1) | {state.slot: -1 for state in plan.states}
    reads: dict[int, list[int]] = {}
    for index, step in enumerate(plan.steps):
        for slot in dict.fromkeys(step.reads):
            reads.setdefault(slot, []).append(index)
        for slot, output in zip(step.writes, step.op.outputs, strict=True):
            first.setdefault(slot, index)
            names[slot] = plan.graph.tensors[output].name
        for slot in step.scratch:
            first[slot], names[slot] = index, SCRATCH
    kept = {*plan.outputs, *(state.slot for state in plan.states)}
    spans = []
    for number, start in first.items():
        tensor, read_by = plan.slots[number], tuple(reads.get(number, ()))
        last = len(plan.steps) - 1 if number in kept else max((start, *read_by))
        spans.append(
            Span(
                name=names.get(number, STATE),
                dtype=tensor.dtype,
                size=tensor.size,
                place=tensor.place,
                offset=tensor.offset if tensor.place == "arena" else 0,
                first=start,
                reads=read_by,
                last=last,
            )
        )
    return spans


def _steps(data: bytes, planned: Plan, spans: list[Span]) -> tuple[StepMemory, ...]:
    """Return the steps; the spans are in the order of their first steps."""
    steps: list[StepMemory] = []
    alive: list[int] = []
    places: list[tuple[int, int, int]] = []
    waiting = 0
    for index, step in enumerate(planned.steps):
        alive = [i for i in alive if spans[i].last >= index]
        places = [place for place in places if place[2] >= index]
        while waiting < len(spans) and spans[waiting].first <= index:
            span = spans[waiting]
            if span.last >= index:
                alive.append(waiting)
                if span.place == "arena":
                    insort(places, (span.offset, span.offset + span.size, span.last))
            waiting += 1
        steps.append(_step(data, planned, step, alive, _union(places)))
    return tuple(steps)


def _union(places: list[tuple[int, int, int]]) -> int:
    """Return the bytes that sorted places cover; ops that work in place make them overlap."""
    used, reached = 0, 0
    for start, end, _ in places:
        if end > reached:
            used += end - (start if start > reached else reached)
            reached = end
    return used


def _step(data: bytes, planned: Plan, step: Step, alive: list[int], used: int) -> StepMemory:
    constants = [planned.slots[slot] for slot in dict.fromkeys(step.reads)]
    in_file, tables = _constant_bytes(data, constants)
    return StepMemory(
        op=step.op.index,
        name=step.op.name,
        kernel=step.kernel.name,
        alive=tuple(alive),
        arena=used,
        file_bytes=in_file,
        table_bytes=tables,
    )


def _constant_bytes(data: bytes, slots: Iterable[Slot]) -> tuple[int, int]:
    """Return the bytes of the constants that lie in the file, and of those that do not."""
    constants = [slot for slot in slots if slot.data is not None]
    in_file = sum(slot.size for slot in constants if slot.data and slot.data.obj is data)
    return in_file, sum(slot.size for slot in constants) - in_file
