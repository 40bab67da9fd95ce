"""Plans of which some steps run row by row: less memory for more instructions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_runtime.errors import ModelError
from edge_runtime.planner.one_arena import OneArena
from edge_runtime.planner.placing import aligned
from edge_runtime.planner.plan import Plan, Slot, Step, constant_slots
from edge_runtime.record import replace as replaced
from edgekit.convert.c.rows.placing import Alive, place
from edgekit.convert.c.rows.schedule import DROP, RUN, Chain
from edgekit.convert.c.rows.search import STATE, Segment, Segments, fastest
from edgekit.convert.c.rows.steps import RowStep

if TYPE_CHECKING:
    from edge_runtime.planner.plan import Engine


LESS = 0.99
"""Share of the bytes of a plan that the next one may have at most: between them are too many."""

NEAR = 1.1
"""How many times the bytes of the smallest plan those of others are that are looked at closely."""

MOST_NEAR = 16
"""How many of these: placing the tensors of a long chain takes a tenth of a second."""


@dataclass(frozen=True)
class RowPlan:
    """A plan of which some steps run row by row.

    Attributes:
        placed: the plan; the kernels of steps in chains compute one row, and the slots of tensors
            of which only some rows are held have the offsets of these.
        chains: in their order.
        cost: estimated instructions that an inference takes more than by the plan of whole steps.
        state: offset in the arena of what is kept between the rows of the input that the caller
            brings; None where none are brought.
        held: what lies in the arena while each step runs, of a chain at any of its turns: slot ->
            the first byte and the end of what is held of it in the segment; empty where no step
            runs by rows.
    """

    placed: OneArena
    chains: tuple[Chain, ...] = ()
    cost: int = 0
    state: int | None = None
    held: tuple[Mapping[int, tuple[int, int]], ...] = ()

    @property
    def plan(self) -> Plan:
        """The plan, as it is placed."""
        return self.placed.plan

    @property
    def fed(self) -> Chain | None:
        """The chain whose input the caller brings row by row."""
        return next((one for one in self.chains if one.fed is not None), None)

    @property
    def fed_rows(self) -> int:
        """Rows of the input that the caller brings; 0 where there are none."""
        chain = self.fed
        return 0 if chain is None or chain.fed is None else chain.rows[chain.fed]

    @property
    def ram(self) -> int:
        """Bytes of the arena and of the inputs outside of it, of which a fed one is a row."""
        slots, rows = self.plan.slots, self.fed.rows if self.fed else {}
        outside = () if self.placed.inputs else self.plan.inputs
        return self.plan.arena + sum(slots[slot].size // rows.get(slot, 1) for slot in outside)


def row_plans(plan: Plan, placed: OneArena, engine: Engine) -> list[RowPlan]:
    """Return a plan by whole steps and by rows, the fastest first, each with less RAM than before.

    Args:
        plan: the plan of whole steps.
        placed: the same in one arena.
        engine: chooses variants, for their scratch memory.
    """
    found = [RowPlan(placed)]
    if plan.states:
        return found
    fed = feedable(plan)
    segments = Segments(plan, engine, plan.arena)
    for usable in [] if fed is None else segments.fed(fed), segments.unfed:
        smallest_first = reversed(_cuts(usable, len(plan.steps)))
        chosen = {id(one): one for way in smallest_first for one in way}
        several = [other for one in chosen.values() for other in segments.faster(one)]
        found += _placed(segments.plan, [*usable, *several])
    best: list[RowPlan] = []
    for one in sorted(found, key=lambda one: (one.cost, one.ram)):
        if not best or one.ram < best[-1].ram:
            best.append(one)
    return best


def within(plans: Sequence[RowPlan], most: int) -> RowPlan:
    """Return the fastest plan of at most so many bytes of RAM; for 0 that with the fewest.

    Args:
        plans: the fastest first.
        most: bytes of RAM.

    Raises:
        ModelError: no plan is that small.
    """
    smallest = plans[-1]
    if most and smallest.ram > most:
        raise ModelError(
            f"the smallest plan needs {smallest.ram:,} bytes of RAM, more than {most:,}: make "
            "images or channels smaller"
        )
    return next((one for one in plans if one.ram <= most), smallest)


def feedable(plan: Plan) -> int | None:
    """Return the slot of the input that a caller may bring row by row."""
    if len(plan.inputs) != 1 or not any(plan.inputs[0] in step.reads for step in plan.steps):
        return None
    return plan.inputs[0]


def _cuts(segments: Sequence[Segment], count: int) -> list[tuple[Segment, ...]]:
    """Return ways to cut a plan, of which each needs fewer bytes at the cost of instructions."""
    ways = []
    most = max((one.peak for one in segments), default=0)
    while (way := fastest(segments, count, most)) is not None:
        ways.append(way)
        needed = max(one.peak for one in way)
        most = min(needed - 1, int(needed * LESS))
    return ways


def _placed(plan: Plan, segments: Sequence[Segment]) -> list[RowPlan]:
    """Return plans of which each needs fewer bytes at the cost of instructions.

    Among those of few bytes the fastest may need more for its tensors than are alive at a time:
    the chain that has the most of them is then taken to need as many, and another is looked for.
    """
    found = [row_plan(plan, way) for way in _cuts(segments, len(plan.steps))]
    most = int(NEAR * min((one.plan.arena for one in found), default=0))
    usable = list(segments)
    for _ in range(MOST_NEAR):
        way = fastest(usable, len(plan.steps), most)
        if way is None:
            break
        found.append(row_plan(plan, way))
        arena = found[-1].plan.arena
        largest = max(way, key=lambda one: one.peak)
        if arena > most:
            usable = [replace(one, peak=arena) if one is largest else one for one in usable]
        else:
            most = int(arena * LESS)
    return found


def row_plan(plan: Plan, cuts: Sequence[Segment]) -> RowPlan:
    """Return a plan with its steps in segments.

    Args:
        plan: that of ``Segments``.
        cuts: its segments.
    """
    slots, steps = list(plan.slots), list(plan.steps)
    chains = tuple(one.chain for one in cuts if one.chain is not None)
    for one in chains:
        for at, step in enumerate(one.steps, one.first):
            steps[at] = _step(slots, step)
    owners = _owners(plan, cuts)
    times = [_of_owners(alive, owners, plan.outputs) for one in cuts for alive in one.times]
    offsets, arena = place(times)
    for slot, old in enumerate(slots):
        owner = owners.get(slot, slot)
        if owner in offsets:
            slots[slot] = replaced(old, place="arena", offset=offsets[owner])
        elif owner != slot:
            slots[slot] = replaced(old, place="output", offset=slots[owner].offset)
    outputs = []
    for slot in plan.outputs:  # behind what is alive meanwhile
        outputs.append(arena)
        arena += aligned(slots[slot].size)
    own = replaced(plan, slots=tuple(slots), steps=tuple(steps), arena=arena)
    placed = OneArena(own, (), tuple(outputs), {})
    where = {**offsets, **dict(zip(plan.outputs, outputs, strict=True))}
    where |= {slot: where[owner] for slot, owner in owners.items()}
    held = tuple(one for cut in cuts for one in _held(cut, where))
    return RowPlan(placed, chains, sum(one.cost for one in cuts), offsets.get(STATE), held)


def _held(segment: Segment, where: Mapping[int, int]) -> list[dict[int, tuple[int, int]]]:
    """Return what lies in the arena while each step of a segment runs, as in ``RowPlan``.

    Args:
        segment: the segment.
        where: the offsets of its tensors.
    """
    runs = [0] * len(segment.times)
    if segment.chain is not None:
        actions = [one for one in segment.chain.actions if one.kind != DROP]
        runs = [one.which if one.kind == RUN else 0 for one in actions]  # the first step is fed
    parts: dict[int, tuple[int, int]] = {}
    slots: list[set[int]] = [set() for _ in range(segment.first, segment.end)]
    for step, alive in zip(runs, segment.times, strict=True):
        for slot, (start, end) in alive.items():
            if end > start:
                low, high = where[slot] + start, where[slot] + end
                known = parts.get(slot, (low, high))
                parts[slot] = min(known[0], low), max(known[1], high)
                slots[step].add(slot)
    return [{slot: parts[slot] for slot in sorted(one)} for one in slots]


def _owners(plan: Plan, cuts: Iterable[Segment]) -> dict[int, int]:
    """Return slots that lie where another one lies, and that one."""
    whole = [one.first for one in cuts if one.chain is None and one.in_place]
    owners: dict[int, int] = {}
    for at in reversed(whole):
        step = plan.steps[at]
        owners[step.reads[0]] = owners.get(step.writes[0], step.writes[0])
    return owners


def _of_owners(alive: Alive, owners: Mapping[int, int], outputs: Collection[int]) -> Alive:
    """Return what is alive in the arena under the names of the slots that have a place."""
    joined: dict[int, tuple[int, int]] = {}
    for slot, (start, end) in alive.items():
        owner = owners.get(slot, slot)
        if owner in outputs:
            continue
        low, high = joined.get(owner, (start, end))
        joined[owner] = min(low, start), max(high, end)
    return joined


def _step(slots: list[Slot], one: RowStep) -> Step:
    """Return the step of a row, after adding the constants that it alone has to ``slots``."""
    step, kernel = one.step, one.step.kernel
    first = len(step.reads) - len(kernel.constants)
    reads = list(step.reads)
    for at, constant in enumerate(constant_slots(kernel.constants), first):
        if constant.data != slots[reads[at]].data:
            reads[at] = len(slots)
            slots.append(constant)
    for slot in step.scratch:
        slots[slot] = replaced(slots[slot], size=one.scratch)
    return replaced(step, reads=tuple(reads), scratch=step.scratch if one.scratch else ())
