"""A model file as a network that reports draw: its layers, and its tensors in the arena."""

from collections.abc import Sequence
from dataclasses import replace as replaced

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.graph import Graph
from edge_runtime.planner import plan
from edge_runtime.planner.plan import Plan
from edge_runtime.reader import read
from edge_runtime.record import replace
from edgekit.benchmarks.report.memory_map import Block
from edgekit.benchmarks.report.network import INPUT, Layer, Network
from edgekit.convert.c import library
from edgekit.convert.c.rows.plans import RowPlan
from edgekit.convert.macs import macs
from edgekit.convert.memory import SCRATCH, Span, of_plan


def on_host(content: bytes) -> Network | None:
    """Return the network as edgekit's engine runs it by its portable kernels.

    None for a file that the engine does not run.

    Args:
        content: content of the .tflite file.
    """
    try:
        graph = read(content)
        return _network(content, graph, plan(graph))
    except EdgeRuntimeError:
        return None


def in_c(content: bytes, *, min_ram: bool = False) -> Network | None:
    """Return the network as exported C runs it, inputs and outputs in the arena.

    None for a file that cannot be exported, or without the C extension.

    Args:
        content: content of the .tflite file.
        min_ram: as the export with the least RAM runs it, whose layers run row by row.
    """
    try:
        graph = read(content)
        smallest = library.plans(content)[-1] if min_ram else None
        placed = smallest.placed if smallest else library.in_one_arena(graph, content)
    except EdgeRuntimeError:
        return None
    if smallest is not None and smallest.held:
        network = _network(content, graph, placed.plan)
        return replaced(network, blocks=_by_rows(smallest, network.layers))
    planned, slots = placed.plan, list(placed.plan.slots)
    ports = [*zip(planned.inputs, placed.inputs, strict=False)]
    for slot, offset in [*ports, *zip(planned.outputs, placed.outputs, strict=True)]:
        slots[slot] = replace(slots[slot], place="arena", offset=offset)
    return _network(content, graph, replace(planned, slots=tuple(slots)))


def _network(content: bytes, graph: Graph, planned: Plan) -> Network:
    memory, tensors = of_plan(content, graph, planned), planned.graph.tensors
    writers = dict.fromkeys(planned.inputs, INPUT)
    layers = []
    for at, (step, described) in enumerate(zip(planned.steps, memory.steps, strict=True)):
        output = tensors[step.op.outputs[0]]
        read_from = dict.fromkeys(writers[slot] for slot in step.reads if slot in writers)
        layers.append(
            Layer(
                op=described.op,
                name=step.op.name,
                shape=tuple(output.shape),
                dtype=output.dtype,
                macs=macs(planned.graph, step.op),
                sources=tuple(read_from),
            )
        )
        writers |= dict.fromkeys(step.writes, at)
    inputs = [tensors[index] for index in planned.graph.inputs]
    return Network(
        inputs=tuple((tuple(one.shape), one.dtype) for one in inputs),
        layers=tuple(layers),
        blocks=tuple(_block(one, layers) for one in memory.tensors if one.place == "arena"),
        arena=memory.arena,
    )


def _by_rows(plan: RowPlan, layers: Sequence[Layer]) -> tuple[Block, ...]:
    """Return what is held of tensors, in one block for steps one after another that hold it."""
    steps, slots = plan.plan.steps, plan.plan.slots
    writers = {slot: at for at, step in enumerate(steps) for slot in step.writes}
    about = dict.fromkeys(plan.plan.inputs, ("input", "input"))
    about |= {slot: ("activation", layers[at].title) for slot, at in writers.items()}
    about |= {
        slot: ("scratch", f"scratch of {layer.title}")
        for layer, step in zip(layers, steps, strict=True)
        for slot in step.scratch
    }
    blocks: list[Block] = []
    before: dict[tuple[int, int, int], int] = {}
    for step, held in enumerate(plan.held):
        now = {}
        for slot, (start, end) in held.items():
            at = before.get((slot, start, end), len(blocks))
            if at == len(blocks):
                role, name = about.get(slot, ("state", "which rows are held"))
                blocks.append(Block(name, role, start, end - start, step, step))
            blocks[at] = replaced(blocks[at], last=step)
            now[slot, start, end] = at
        before = now
    outputs = [
        Block(layers[at].title, "output", offset, slots[slot].size, at, len(steps) - 1)
        for slot, offset in zip(plan.plan.outputs, plan.placed.outputs, strict=True)
        for at in [writers[slot]]
    ]
    return (*blocks, *outputs)


def _block(span: Span, layers: list[Layer]) -> Block:
    """Return a tensor in the arena, named as what writes it."""
    name = span.role
    if span.role in ("activation", "output") and span.first >= 0:
        name = layers[span.first].title
    elif span.name == SCRATCH and span.first >= 0:
        name = f"scratch of {layers[span.first].title}"
    return Block(name, span.role, span.offset, span.size, span.first, span.last)
