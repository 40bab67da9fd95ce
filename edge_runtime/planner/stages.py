"""The stages of a plan that threads share.

A stage is some steps, one after another, in parts that threads run at the same time. Threads wait
for each other only between stages: a part of a step may depend on the same part of earlier steps of
its stage, and on no other.
"""

from __future__ import annotations

from math import prod

from edge_runtime.graph import SIZES
from edge_runtime.planner.memory import place_slots
from edge_runtime.planner.parts import Part, parts
from edge_runtime.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_runtime.planner.plan import Plan, Slot, Step

    Usable = Callable[[Step, Part], bool]


@record
class Stage:
    """Steps that threads run at the same time.

    Attributes:
        first: index of the first step.
        parts: of each step the parts, in each as many; one where they are not shared.
    """

    first: int
    parts: tuple[tuple[Part, ...], ...]


LEAST = 1 << 16
"""Least work of a step that is shared: half a microsecond, which a second thread hardly shortens,
since it costs a quarter to wait for each other."""

BYTE = 8
"""Work of moving a byte, in multiply-accumulates."""

LONGEST = 8
"""Most steps of a stage that is shared: each is compared with those before it."""

Region = tuple[object, int, int]
"""Memory, and the first byte and the end of a part of it."""


@record
class Touched:
    """What a part of a step reads and writes, but for constants."""

    reads: tuple[Region, ...]
    writes: tuple[Region, ...]


def share(plan: Plan, count: int, usable: Usable) -> tuple[Plan, tuple[Stage, ...]]:
    """Return a plan whose memory is laid out for its stages, and these.

    Args:
        plan: a plan without states.
        count: number of threads.
        usable: whether an engine can run a part of a step.
    """
    shared = [_parts(step, plan.slots, count, usable) for step in plan.steps]
    # What a stage touches is alive until its end, so that no part overwrites what another reads.
    # The first stages are those of tensors that share no memory.
    stages = _stages(plan, shared, lambda slot: (slot, 0))
    slots = list(plan.slots)
    arena = place_slots(slots, plan.steps, set(), _times(stages))
    moved = replace(plan, slots=tuple(slots), arena=arena)
    return moved, tuple(_stages(moved, shared, lambda slot: _memory(slots[slot])))


def _parts(step: Step, slots: Sequence[Slot], count: int, usable: Usable) -> tuple[Part, ...]:
    """Return the parts of a step; one where it is not worth sharing, or no engine runs them."""
    each = parts(step, slots, count if work(step, slots) >= LEAST else 1)
    return each if all(usable(step, part) for part in each) else parts(step, slots, 1)


def work(step: Step, slots: Sequence[Slot]) -> int:
    """Return about how much a step has to do, in multiply-accumulates."""
    params, output = step.kernel.params, slots[step.writes[0]]
    taps = [params.get(name, 1) for name in ("window_height", "window_width", "depth")]
    moved = sum(slots[slot].size for slot in (*step.reads, *step.writes))
    return output.size // SIZES[output.dtype] * prod(taps) + BYTE * moved


def _times(stages: Sequence[Stage]) -> list[int]:
    """Return for each step the first of the steps that may run at the same time."""
    return [
        stage.first if len(stage.parts[0]) > 1 else stage.first + place
        for stage in stages
        for place in range(len(stage.parts))
    ]


def _memory(slot: Slot) -> tuple[object, int]:
    """Return the memory that a slot is a part of, and where in it."""
    return ("arena", slot.offset) if slot.place == "arena" else ((slot.place, slot.offset), 0)


def _stages(
    plan: Plan,
    shared: Sequence[tuple[Part, ...]],
    memory: Callable[[int], tuple[object, int]],
) -> list[Stage]:
    """Return the longest stages of which no part touches what another one changes.

    Args:
        plan: the plan.
        shared: the parts of each step.
        memory: the memory that a slot is a part of, and where in it.
    """
    stages: list[Stage] = []
    before: list[list[Touched]] = []
    for index, (step, each) in enumerate(zip(plan.steps, shared, strict=True)):
        now = [_touched(plan, step, part, memory) for part in each]
        same = bool(stages) and len(stages[-1].parts[0]) == len(each)
        fits = len(each) == 1 or (len(before) < LONGEST and _apart(before, now))
        if same and fits:
            stages[-1] = replace(stages[-1], parts=(*stages[-1].parts, each))
            before.append(now)
        else:
            stages.append(Stage(index, (each,)))
            before = [now]
    return stages


def _touched(
    plan: Plan, step: Step, part: Part, memory: Callable[[int], tuple[object, int]]
) -> Touched:
    regions = []
    for slot, (first, size) in zip(
        (*step.reads, *step.writes), (part.image, *part.spans[1:]), strict=True
    ):
        what, start = memory(slot)
        regions.append((what, start + first, start + first + size))
    count = len(step.reads)
    computed = tuple(
        region
        for slot, region in zip(step.reads, regions, strict=False)
        if plan.slots[slot].data is None
    )
    return Touched(computed, tuple(regions[count:]))


def _apart(before: Sequence[Sequence[Touched]], now: Sequence[Touched]) -> bool:
    """Return whether parts of a step touch nothing that other parts of earlier ones change."""
    return not any(
        _meet(one.writes, (*other.reads, *other.writes)) or _meet(one.reads, other.writes)
        for earlier in before
        for position, one in enumerate(now)
        for place, other in enumerate(earlier)
        if position != place
    )


def _meet(some: Sequence[Region], others: Sequence[Region]) -> bool:
    """Return whether any of some regions overlaps any of others."""
    return any(
        what == other and first < other_end and other_first < end
        for what, first, end in some
        for other, other_first, other_end in others
    )
