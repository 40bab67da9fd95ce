"""Where the engine keeps tensors and how long each is alive: the plan's memory, step by step.

The plan is the one of the portable kernels, which is the same on every machine.
"""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass

from edge_runtime.graph import Graph, ports
from edge_runtime.planner import plan
from edge_runtime.planner.plan import Plan, Slot, Step
from edge_runtime.reader import read
from edgekit.convert.simplified import Simplification, is_added, simplifications

SCRATCH = "(scratch)"
"""Name of memory that is no tensor of the file."""


@dataclass(frozen=True)
class Span:
    """A tensor that is not constant, and when it is alive.

    Attributes:
        name: name in the file; after a RESHAPE, which moves nothing, that of its input.
        role: "input" or "output" of the model, "state" for what is kept from one inference to the
            next, "scratch" for memory that a step alone uses, else "activation".
        key: name by which ``Model.run`` knows an input or output; "" for all else.
        dtype: element type.
        size: bytes.
        place: "arena", or "input" or "output" for the caller's buffer.
        offset: bytes from the start of the arena; 0 in the caller's buffers.
        first: step that writes it; -1 for an input of the model and for a state.
        reads: steps that read it.
        last: last step at which it is alive; the last of all for an output of the model and for a
            state.
    """

    name: str
    role: str
    key: str
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
        op: index of the op in the file; None for a copy that is not in the file.
        name: its builtin name.
        kernel: name of the kernel.
        level: of the kernel's variant: "portable".
        alive: positions in ``Memory.tensors`` of the tensors alive during the step.
        arena: bytes of the arena that are in use.
        file_bytes: bytes of the constants that it reads in the file, in place.
        table_bytes: bytes of the constants that the lowering created for it.
    """

    op: int | None
    name: str
    kernel: str
    level: str
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
        tensors: the model's inputs and states, then the outputs of the steps, in their order.
        steps: in execution order.
        simplified: ops that do not run as the file has them, in its order, then added copies.
    """

    arena: int
    peak: int
    file_bytes: int
    table_bytes: int
    tensors: tuple[Span, ...]
    steps: tuple[StepMemory, ...]
    simplified: tuple[Simplification, ...]


def memory(data: bytes) -> Memory:
    """Return the memory of the plan for the .tflite file with content ``data``.

    Raises:
        ModelError: it is damaged, or the engine cannot plan it; the message says why.
    """
    graph = read(data)
    return of_plan(data, graph, plan(graph))


def of_plan(data: bytes, graph: Graph, planned: Plan) -> Memory:
    """Return the memory of a plan for ``graph``, whose file has content ``data``."""
    spans = _spans(graph, planned)
    steps = _steps(data, graph, planned, spans)
    constants = [slot for slot in planned.slots if slot.data is not None]
    in_file, tables = _constant_bytes(data, constants)
    return Memory(
        arena=planned.arena,
        peak=max(step.arena for step in steps),
        file_bytes=in_file,
        table_bytes=tables,
        tensors=tuple(spans),
        steps=steps,
        simplified=simplifications(graph, planned),
    )


def _spans(graph: Graph, plan: Plan) -> list[Span]:
    """Return the tensors that are no constants."""
    keys = {
        slot: (role, key)
        for role, slots, named in (
            ("input", plan.inputs, ports(graph, graph.inputs, graph.input_names)),
            ("output", plan.outputs, ports(graph, graph.outputs, graph.output_names)),
        )
        for slot, key in zip(slots, named, strict=True)
    }
    states = {state.slot: ("state", "") for state in plan.states}
    scratch = {slot: ("scratch", "") for step in plan.steps for slot in step.scratch}
    roles = {**keys, **states, **scratch}
    names = _names(graph, plan)
    first = dict.fromkeys((*plan.inputs, *states), -1)
    reads: dict[int, list[int]] = {}
    for index, step in enumerate(plan.steps):
        for slot in dict.fromkeys(step.reads):
            reads.setdefault(slot, []).append(index)
        for slot in (*step.writes, *step.scratch):
            first.setdefault(slot, index)
    kept = {*plan.outputs, *states}
    spans = []
    for number, start in first.items():
        tensor, read_by = plan.slots[number], tuple(reads.get(number, ()))
        last = len(plan.steps) - 1 if number in kept else max((start, *read_by))
        role, key = roles.get(number, ("activation", ""))
        spans.append(
            Span(
                name=names[number],
                role=role,
                key=key,
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


def _names(graph: Graph, plan: Plan) -> dict[int, str]:
    """Return the names of slots that are no constants."""
    tensors, states = plan.graph.tensors, {state.slot for state in plan.states}
    names: dict[int, str] = {}
    for step in plan.steps:
        # After its inputs a kernel reads constants of its own.
        for slot, position in zip(step.reads, step.kernel.inputs, strict=False):
            if slot in states:
                names[slot] = tensors[step.op.inputs[position]].name
        names |= dict.fromkeys(step.scratch, SCRATCH)
        for slot, output in zip(step.writes, step.op.outputs, strict=True):
            names[slot] = tensors[output].name
    for slot, index in zip(plan.inputs, graph.inputs, strict=True):
        names[slot] = tensors[index].name
    return names


def _steps(data: bytes, graph: Graph, planned: Plan, spans: list[Span]) -> tuple[StepMemory, ...]:
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
        steps.append(
            _step(
                data,
                planned,
                step,
                op=None if is_added(graph, step.op) else step.op.index,
                alive=tuple(alive),
                used=_union(places),
            )
        )
    return tuple(steps)


def _union(places: list[tuple[int, int, int]]) -> int:
    """Return the bytes that sorted places cover; ops that work in place make them overlap."""
    used, reached = 0, 0
    for start, end, _ in places:
        if end > reached:
            used += end - (start if start > reached else reached)
            reached = end
    return used


def _step(
    data: bytes, planned: Plan, step: Step, *, op: int | None, alive: tuple[int, ...], used: int
) -> StepMemory:
    constants = [planned.slots[slot] for slot in dict.fromkeys(step.reads)]
    in_file, tables = _constant_bytes(data, constants)
    return StepMemory(
        op=op,
        name=step.op.name,
        kernel=step.kernel.name,
        level=step.level,
        alive=alive,
        arena=used,
        file_bytes=in_file,
        table_bytes=tables,
    )


def _constant_bytes(data: bytes, slots: Iterable[Slot]) -> tuple[int, int]:
    """Return the bytes of the constants that lie in the file, and of those that do not."""
    constants = [slot for slot in slots if slot.data is not None]
    in_file = sum(slot.size for slot in constants if slot.data and slot.data.obj is data)
    return in_file, sum(slot.size for slot in constants) - in_file
