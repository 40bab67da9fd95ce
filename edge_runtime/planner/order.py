"""The order of a plan's steps in which the fewest bytes are needed at once."""

from __future__ import annotations

from edge_runtime.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_runtime.planner.plan import Plan

MOST_STEPS = 128
"""Steps of a plan up to which other orders are looked for."""

MOST_SLOTS = 500
"""Tensors likewise; all of them may be in use at once."""

STATES = 20_000
"""Sets of executed steps that a search looks at: one for each number of steps in a chain, and
beside that some for each pair of branches; tenths of a second."""


@record
class Progress:
    """What was the best way to execute a set of steps.

    Attributes:
        peak: most bytes in use at once.
        used: bytes in use after them.
        steps: the steps, in their order: the last, and the progress before it; None for none.
    """

    peak: int
    used: int
    steps: tuple[int, Progress] | None


def least_memory(plan: Plan, spared: Mapping[int, Mapping[int, int]], outside: set[int]) -> Plan:
    """Return the plan with its steps in the best order that a search finds.

    The search goes through sets of steps that may have been executed, by their number, and keeps
    for each set the way with the lowest peak: all sets of graphs with a few branches, else those
    with the lowest peaks. The order of the plan wins where others are no better.

    Args:
        plan: the plan.
        spared: step -> slot that it reads -> bytes by which its output may overlap that.
        outside: slots that need no memory here.
    """
    count = len(plan.steps)
    before = _before(plan)
    sizes = {
        slot: plan.slots[slot].size
        for step in plan.steps
        for slot in step.slots
        if plan.slots[slot].data is None and slot not in outside
    }
    chain = all(index - 1 in steps for index, steps in enumerate(before) if index)
    if chain or count > MOST_STEPS or len(sizes) > MOST_SLOTS:
        return plan
    kept = {*plan.outputs, *(state.slot for state in plan.states)}
    readers: dict[int, int] = {}
    for index, step in enumerate(plan.steps):
        for slot in step.reads:
            readers[slot] = readers.get(slot, 0) | 1 << index
    needed = [sum(1 << other for other in steps) for steps in before]
    width = STATES // count
    first = {*plan.inputs, *(state.slot for state in plan.states)}
    reached = {0: Progress(0, sum(sizes.get(slot, 0) for slot in first), None)}
    for _ in range(count):
        following: dict[int, Progress] = {}
        for executed, progress in reached.items():
            for index in range(count):
                if executed >> index & 1 or needed[index] & ~executed:
                    continue
                after = executed | 1 << index
                step = plan.steps[index]
                written = sum(sizes.get(slot, 0) for slot in step.writes if slot not in first)
                dead = {
                    slot
                    for slot in (*step.reads, *step.writes)
                    if slot in sizes and slot not in kept and not readers.get(slot, 0) & ~after
                }
                now = progress.used + written
                scratch = sum(sizes[slot] for slot in step.scratch)
                saved = [spare for slot, spare in spared.get(index, {}).items() if slot in dead]
                peak = max(progress.peak, now + scratch - max(saved, default=0))
                used = now - sum(sizes[slot] for slot in dead)
                if after not in following or peak < following[after].peak:
                    following[after] = Progress(peak, used, (index, progress))
        # Sorting is stable: the plan's own order comes first.
        best = sorted(following.items(), key=lambda item: (item[1].peak, item[1].used))
        reached = dict(best[:width])
    [progress] = reached.values()
    return replace(plan, steps=tuple(plan.steps[index] for index in _order(progress)))


def _order(progress: Progress) -> list[int]:
    order = []
    while progress.steps is not None:
        index, progress = progress.steps
        order.append(index)
    return order[::-1]


def _before(plan: Plan) -> list[set[int]]:
    """Return for each step those that must be executed before it."""
    before: list[set[int]] = [set() for _ in plan.steps]
    states = {state.slot for state in plan.states}
    writer: dict[int, int] = {}
    touched: dict[int, int] = {}
    for index, step in enumerate(plan.steps):
        before[index] |= {writer[slot] for slot in step.reads if slot in writer}
        # Steps that read or change a state stay in their order.
        for slot in states.intersection(step.slots):
            if slot in touched:
                before[index].add(touched[slot])
            touched[slot] = index
        writer |= dict.fromkeys(step.writes, index)
    return before
