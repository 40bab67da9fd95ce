"""A plan whose inputs and outputs lie in the arena, and whose tensors overlap where they may."""

from __future__ import annotations

from math import lcm

from edge_runtime.graph import SIZES
from edge_runtime.planner.memory import ALIGNMENT
from edge_runtime.planner.order import least_memory
from edge_runtime.planner.overlap import (
    PIECES,
    Order,
    distance,
    distance_behind,
    distance_of_channels,
    has_pieces,
)
from edge_runtime.planner.placing import WORK, Block, Overlap, aligned, place
from edge_runtime.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from edge_runtime.ops.call import Kernel
    from edge_runtime.planner.plan import Plan, Step

    Orders = Callable[[Kernel], Sequence[Order] | None]
    InPieces = Callable[[Step, int], bool]
    Distances = tuple[int, tuple[int, ...]]
    """Bytes by which an output begins before its input, at least; and smaller ones that do, too."""
    Before = Callable[[Kernel, int], Distances | None]

    Overlaps = dict[tuple[int, int], Overlap]
    """Index of a step and a slot that it reads -> how its output may overlap that."""

ALWAYS = -1
"""Lifetimes begin at this step where something is there before the first one."""


MOST_PIECES = 64
"""Steps of which it is tried whether they need not run in pieces: each time, all are placed."""


WORTH = 32
"""Pieces take instructions and flash, so they have to save this part of the arena, and shorter ones
have to save it once more."""

MOST_EXACT = 16
"""Distances at which channels lie above themselves, of which a placement may use one."""


@record
class OneArena:
    """A plan in one arena.

    Attributes:
        plan: its slots have their places in the arena, but those of inputs and outputs, which a
            caller may have elsewhere.
        inputs: offset of each input in the arena; empty where the caller keeps them.
        outputs: offset of each output in the arena.
        pieces: steps that have to run in pieces, the last first, and how many positions these have.
    """

    plan: Plan
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    pieces: Mapping[int, int]


def one_arena(
    plan: Plan, orders: Orders, in_pieces: InPieces, *, keep_input: bool = False
) -> OneArena:
    """Return a plan in which outputs of kernels overlap their inputs where they may.

    Its steps are in the order of the plan, or in one that needs less memory.

    Inputs are overwritten once they have been read, in the arena; a caller's own are not. Who
    runs the plan may read an input, and write an output, at any other place instead of that in the
    arena, which must not overlap the arena.

    Args:
        plan: the plan.
        orders: the orders of the forms of a kernel of ``Kernel.bands`` of which one will run it;
            None where one of them is not known.
        in_pieces: whether each form of a step can run in pieces of so many positions; called where
            its kernel can.
        keep_input: leave no room for inputs in the arena.
    """
    before = _before(orders)
    layout = _laid_out(plan, before, in_pieces, keep_input)
    every = _overlaps(plan, _blocks(plan, keep_input), before, last=False)
    other = least_memory(plan, _spared(plan, every), set(plan.inputs) if keep_input else set())
    if other.steps != plan.steps:
        found = _laid_out(other, before, in_pieces, keep_input)
        if found.size < layout.size:
            plan, layout = other, found
    offsets, size, pieces = layout.offsets, layout.size, layout.pieces
    places = {slot: ("arena", offset) for slot, offset in offsets.items()}
    places |= {slot: ("input", position) for position, slot in enumerate(plan.inputs)}
    places |= {slot: ("output", position) for position, slot in enumerate(plan.outputs)}
    slots = list(plan.slots)
    for slot, (name, offset) in places.items():
        slots[slot] = replace(slots[slot], place=name, offset=offset)
    return OneArena(
        replace(plan, slots=tuple(slots), arena=size),
        () if keep_input else tuple(offsets[slot] for slot in plan.inputs),
        tuple(offsets[slot] for slot in plan.outputs),
        pieces,
    )


@record
class Layout:
    """Places of the slots of a plan.

    Attributes:
        offsets: offset of each slot in the arena.
        size: bytes of the arena.
        pieces: steps that have to run in pieces, and how many positions these have.
    """

    offsets: dict[int, int]
    size: int
    pieces: Mapping[int, int]


def _laid_out(plan: Plan, before: Before, in_pieces: InPieces, keep_input: bool) -> Layout:
    """Return the places of a plan's slots where its steps run in their order."""
    blocks = _blocks(plan, keep_input)
    overlaps = _overlaps(plan, blocks, before)
    best = Layout(*_placed(plan, blocks, overlaps.values()), {})
    for length in PIECES:
        candidates = _behind(plan, overlaps, in_pieces, length)
        if candidates:
            found = _in_few_pieces(plan, blocks, overlaps, candidates, best, length)
            best = found if best.size - found.size >= best.size // WORTH else best
    return best


def _spared(plan: Plan, overlaps: Overlaps) -> dict[int, dict[int, int]]:
    """Return for each step by how many bytes its output may overlap slots that it reads."""
    spared: dict[int, dict[int, int]] = {}
    for (index, slot), one in overlaps.items():
        output, source = plan.slots[one.output].size, plan.slots[slot].size
        together = max(output, source + min(one.before, *one.exactly, output))
        spared.setdefault(index, {})[slot] = max(0, output + source - together)
    return spared


def _placed(
    plan: Plan, blocks: Mapping[int, Block], overlaps: Iterable[Overlap], work: int = WORK
) -> tuple[dict[int, int], int]:
    """Return the offset of each slot, and the size of the arena."""
    numbers = {slot: number for number, slot in enumerate(blocks)}
    numbered = [
        replace(one, output=numbers[one.output], input=numbers[one.input]) for one in overlaps
    ]
    placed = place(list(blocks.values()), numbered, work)
    if placed is None:
        return _apart(plan, blocks)
    return dict(zip(blocks, placed[0], strict=True)), placed[1]


def _behind(plan: Plan, overlaps: Overlaps, in_pieces: InPieces, length: int) -> Overlaps:
    """Return how outputs of steps may overlap their inputs that run in pieces of a length."""
    found: Overlaps = {}
    for (index, slot), one in overlaps.items():
        step = plan.steps[index]
        params = step.kernel.params
        if step.kernel.bands and has_pieces(params) and in_pieces(step, length):
            size = SIZES[plan.slots[one.input].dtype]
            behind = distance_behind(params, size, length)
            if behind < plan.slots[one.input].size:
                found[index, slot] = replace(one, behind=behind)
    return found


def _in_few_pieces(
    plan: Plan,
    blocks: Mapping[int, Block],
    overlaps: Overlaps,
    candidates: Overlaps,
    other: Layout,
    length: int,
) -> Layout:
    """Return a layout in which as few steps as possible run in pieces, or another one.

    Args:
        plan: the plan.
        blocks: the block of each slot.
        overlaps: how the output of a step may overlap its input.
        candidates: the same for steps that can run in pieces.
        other: returned where pieces do not save enough.
        length: positions of a piece.
    """
    chosen = dict(candidates)
    offsets, size = _placed(plan, blocks, {**overlaps, **chosen}.values())
    if other.size - size < other.size // WORTH:
        return other
    for key in list(chosen)[:MOST_PIECES]:
        left = {one: overlap for one, overlap in chosen.items() if one != key}
        tried = _placed(plan, blocks, {**overlaps, **left}.values(), WORK // MOST_PIECES)
        if tried[1] <= size:
            chosen, (offsets, size) = left, tried
    pieces = {
        index: length
        for (index, _), one in chosen.items()
        if 0 < offsets[one.output] - offsets[one.input] < plan.slots[one.input].size
    }
    return Layout(offsets, size, pieces)


def _blocks(plan: Plan, keep_input: bool) -> dict[int, Block]:
    """Return the block of each slot that lies in the arena."""
    end = len(plan.steps)
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for index, step in enumerate(plan.steps):
        for slot in step.slots:
            if plan.slots[slot].data is None:
                first.setdefault(slot, index)
                last[slot] = index
    for slot in plan.inputs:
        first[slot] = ALWAYS
        last.setdefault(slot, ALWAYS)
    for slot in plan.outputs:
        last[slot] = end
    for state in plan.states:
        first[state.slot], last[state.slot] = ALWAYS, end
    left = plan.inputs if keep_input else ()
    return {
        slot: Block(plan.slots[slot].size, first[slot], last[slot])
        for slot in sorted(first)
        if slot not in left
    }


def _overlaps(
    plan: Plan, blocks: Mapping[int, Block], before: Before, *, last: bool = True
) -> Overlaps:
    """Return how the output of each step may overlap its inputs.

    Args:
        plan: the plan.
        blocks: the block of each slot.
        before: by how many bytes the output of a kernel begins earlier.
        last: whether a later step that reads the input forbids it.
    """
    states = {state.slot for state in plan.states}
    found: Overlaps = {}
    for index, step in enumerate(plan.steps):
        output = step.writes[0]
        if output in states or blocks[output].first != index:
            continue
        for slot in _overwritten(plan, step):
            block = blocks.get(slot)
            if block is None or slot in states or (last and block.last != index):
                continue
            known: Distances | None = (plan.slots[output].size, (0,))
            if step.kernel.bands:
                known = before(step.kernel, SIZES[plan.slots[slot].dtype])
            if known is not None:
                found[index, slot] = Overlap(output, slot, *known)
    return found


def _overwritten(plan: Plan, step: Step) -> tuple[int, ...]:
    """Return the slots that the first output of a step may overlap."""
    kernel, output = step.kernel, plan.slots[step.writes[0]]
    if kernel.bands:
        same = plan.slots[step.reads[0]].dtype == output.dtype
        return step.reads[:1] if same else ()
    read = step.reads[: len(kernel.inputs)] if kernel.loops else step.reads[:1]
    if not kernel.in_place and not kernel.loops:
        return ()
    # A broadcast input is smaller: an element is read for several outputs.
    return tuple(
        slot
        for slot in dict.fromkeys(read)
        if plan.slots[slot].size == output.size and plan.slots[slot].dtype == output.dtype
    )


def _before(orders: Orders) -> Before:
    """Return what tells by how many bytes the output of a kernel begins earlier."""
    known: dict[tuple[int, int], Distances | None] = {}

    def before(kernel: Kernel, size: int) -> Distances | None:
        key = id(kernel), size
        if key not in known:
            each = orders(kernel)
            known[key] = None if each is None else _distances(kernel.params, size, each)
        return known[key]

    return before


def _distances(params: Mapping[str, int], size: int, orders: Sequence[Order]) -> Distances:
    """Return from which distance on all orders may run, and at which smaller ones."""
    least = max(distance(params, size, order) for order in orders)
    exact = [distance_of_channels(params, size, order) for order in orders]
    if None in exact:
        return least, ()
    step = lcm(ALIGNMENT, params["channels"] * size)
    first = -(-max(one for one in exact if one is not None) // step) * step
    return least, tuple(range(first, least, step))[:MOST_EXACT]


def _apart(plan: Plan, blocks: Mapping[int, Block]) -> tuple[dict[int, int], int]:
    """Return the plan's own places, and behind them those of its inputs and outputs."""
    offsets = {slot: plan.slots[slot].offset for slot in blocks}
    end = aligned(plan.arena)
    ports = [slot for slot in (*plan.inputs, *plan.outputs) if slot in blocks]
    for slot in ports:
        offsets[slot] = end
        end = aligned(end + blocks[slot].size)
    for slot in blocks:
        place, position = plan.slots[slot].place, plan.slots[slot].offset
        if place == "output":
            offsets[slot] = offsets[plan.outputs[position]]
    return offsets, end
