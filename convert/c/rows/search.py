"""Which steps of a plan run together, row by row, and what that costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_runtime.planner.plan import Plan, Slot
from edge_runtime.record import replace
from edgekit.convert.c.rows.placing import Alive, peak
from edgekit.convert.c.rows.schedule import DROP, FEED, RUN, Chain, chain
from edgekit.convert.c.rows.steps import RowStep, fold_step, row_step

if TYPE_CHECKING:
    from edge_runtime.planner.plan import Engine

CALL = 400
"""Instructions of a row beside the kernel's loops: its parameters and pointers, and the kernel's
own first and last ones."""

BYTE = 0.4
"""Instructions of moving a byte."""

LONGEST = 100
"""Most steps of a chain."""

MOST_ROWS = 1 << 14
"""Most rows that the steps of a chain compute: the order of each takes a byte or two of flash."""

MOST_WORK = 1_000_000
"""Most rows of all chains whose order is looked for, half a minute's; the rest runs as a whole."""

STATE = -1
"""Stands for a slot: what is kept between the rows that the caller brings."""


@dataclass(frozen=True)
class Segment:
    """Consecutive steps: a chain, or one step as a whole.

    Attributes:
        first: index of the first step.
        end: index of the step behind the last one.
        chain: how they run row by row; None for one step as a whole.
        times: which bytes of the arena's tensors are alive, one time after another.
        peak: most bytes of the arena that are alive at a time.
        cost: estimated instructions that an inference takes more.
        in_place: whether the one step writes its output to the place of its input.
    """

    first: int
    end: int
    chain: Chain | None
    times: tuple[Alive, ...] = field(repr=False)
    peak: int
    cost: int = 0
    in_place: bool = False


def state_size(chain: Chain) -> int:
    """Return the bytes that are kept between the rows that the caller brings.

    For each tensor the first row that is held and the end of them; the position in the order.
    """
    return 8 * (len(chain.tracked) + 1)


class Segments:
    """The segments of a plan that need at most a number of bytes.

    Attributes:
        plan: the plan; of computed tensors only the outputs lie in the caller's buffers.
        unfed: the segments where the input is there as a whole.
    """

    def __init__(self, plan: Plan, engine: Engine, most: int) -> None:
        slots = tuple(
            replace(slot, place="arena")
            if slot.place == "output" and at not in plan.outputs
            else slot
            for at, slot in enumerate(plan.slots)
        )
        steps: list[RowStep | None] = []
        for step in plan.steps:
            sums = 4 * slots[step.writes[0]].size
            folded = fold_step(plan, step, len(slots))
            if folded is not None:
                slots = (*slots, Slot("int32", sums, None, "arena"))
            steps.append(folded or row_step(plan, step, engine))
        self.plan, self._steps = replace(plan, slots=slots), steps
        self._last = {slot: at for at, one in enumerate(plan.steps) for slot in one.reads}
        self._last |= dict.fromkeys(plan.outputs, len(plan.steps))
        self._born = {slot: at for at, one in enumerate(plan.steps) for slot in one.writes}

        self._most, self._work = most, MOST_WORK
        self.unfed = [one for first in range(len(steps)) for one in self._from(first, None)]

    def fed(self, slot: int) -> list[Segment]:
        """Return the segments where the caller brings the rows of the model's input one by one.

        None begins behind the first step but before the last one that reads the input.

        Args:
            slot: the input.
        """
        behind = [one for one in self.unfed if one.first > self._last[slot]]
        return [*self._from(0, slot), *behind]

    def _from(self, first: int, fed: int | None) -> list[Segment]:
        """Return the segments that begin with a step."""
        found = [] if fed is not None else [self._whole(first)]
        steps: list[RowStep] = []
        rows = 0
        for end in range(first + 1, min(len(self._steps), first + LONGEST) + 1):
            step = self._steps[end - 1]
            rows += step.rows if step is not None else 0
            if step is None or rows > min(MOST_ROWS, self._work):
                break
            steps.append(step)
            if fed is not None and end <= self._last[fed]:
                continue
            self._work -= rows
            one = chain(first, steps, self._kept(end), fed)
            if one is None:
                break
            segment = self._by_rows(one)
            found.append(segment)
            if self._inner(segment) > self._most:
                break
        return [one for one in found if one.peak <= self._most]

    def _inner(self, segment: Segment) -> int:
        """Return the most bytes in rings at a time: of longer segments they are no fewer."""
        assert segment.chain is not None
        rings = segment.chain.rings
        inner = ({slot: at for slot, at in one.items() if slot in rings} for one in segment.times)
        return peak(list(inner))

    def _kept(self, end: int) -> frozenset[int]:
        """Return the slots that steps from ``end`` on need, or the caller."""
        return frozenset(slot for slot, last in self._last.items() if last >= end)

    def _passing(self, first: int, end: int) -> Alive:
        """Return the tensors that are there before and after the steps."""
        born = self._born
        return self._full(slot for slot in self._kept(end) if born.get(slot, first) < first)

    def _full(self, slots: Iterable[int]) -> Alive:
        """Return slots, as far as they are in the arena, as a whole."""
        chosen = {slot: self.plan.slots[slot] for slot in slots}
        return {slot: (0, one.size) for slot, one in chosen.items() if one.place == "arena"}

    def _whole(self, at: int) -> Segment:
        """Return a step as a whole."""
        step = self.plan.steps[at]
        alive = {**self._full(step.slots), **self._passing(at, at + 1)}
        in_place = self._is_in_place(at)
        if in_place:
            del alive[step.reads[0]]
        return Segment(at, at + 1, None, (alive,), peak([alive]), in_place=in_place)

    def _is_in_place(self, at: int) -> bool:
        """Return whether a step, as a whole, writes its output to the place of its input."""
        step = self.plan.steps[at]
        source, output = (self.plan.slots[slot] for slot in (step.reads[0], step.writes[0]))
        return (
            step.kernel.in_place
            and source.data is None
            and source.place == "arena"
            and output.place in ("arena", "output")
            and source.size == output.size
            and self._last[step.reads[0]] == at
        )

    def _by_rows(self, chain: Chain) -> Segment:
        """Return a chain."""
        slots, rows = self.plan.slots, chain.rows
        pitches = {slot: slots[slot].size // count for slot, count in rows.items()}
        passing = dict(self._passing(chain.first, chain.end))
        if chain.fed is not None:
            passing[STATE] = 0, state_size(chain)
        for one in chain.steps:
            passing |= self._full(one.whole)
            if one.folds:
                passing |= self._full((*one.step.writes, *one.step.scratch))
        actions = [one for one in chain.actions if one.kind != DROP]
        times = []
        for action, held in zip(actions, chain.held, strict=True):
            alive = dict(passing)
            for slot, (first, end) in held.items():
                if slots[slot].place == "arena" or slot == chain.fed:
                    low = 0 if slot in chain.rings else first
                    alive[slot] = low * pitches[slot], (end - first + low) * pitches[slot]
            if action.kind == RUN:
                step = chain.steps[action.which]
                alive |= dict.fromkeys(step.step.scratch, (0, step.scratch))
            times.append(alive)
        cost = _cost(chain, pitches)
        return Segment(chain.first, chain.end, chain, tuple(times), peak(times), cost)


def _cost(chain: Chain, pitches: dict[int, int]) -> int:
    """Return the instructions that a chain takes more than its steps as a whole."""
    held = dict.fromkeys(chain.rows, 0)
    runs = moved = 0
    for action in chain.actions:
        if action.kind == RUN:
            runs += 1
            for slot in chain.steps[action.which].outputs:
                held[slot] += 1
            continue
        slot = action.which
        held[slot] += action.count if action.kind == FEED else -action.count
        moved += pitches[slot] * (action.count if action.kind == FEED else held[slot])
    return int((runs - len(chain.steps)) * CALL + moved * BYTE)


def fastest(segments: Sequence[Segment], count: int, most: int) -> tuple[Segment, ...] | None:
    """Return the segments of a plan of ``count`` steps that cost least within a number of bytes."""
    best: dict[int, tuple[int, tuple[Segment, ...]]] = {0: (0, ())}
    for one in sorted(segments, key=lambda one: one.end):
        if one.peak <= most and one.first in best:
            cost, before = best[one.first]
            known = best.get(one.end)
            if known is None or cost + one.cost < known[0]:
                best[one.end] = cost + one.cost, (*before, one)
    return best[count][1] if count in best else None
