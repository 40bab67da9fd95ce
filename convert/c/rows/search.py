"""Which steps of a plan run together, row by row, and what that costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as dataclass_with
from itertools import product
from typing import TYPE_CHECKING

from edge_runtime.planner.plan import Plan, Slot
from edge_runtime.record import replace
from edgekit.convert.c.rows.cost import more
from edgekit.convert.c.rows.placing import Alive, peak, place
from edgekit.convert.c.rows.schedule import DROP, RUN, Chain, chain
from edgekit.convert.c.rows.steps import RowStep, fold_step, row_step

if TYPE_CHECKING:
    from edge_runtime.planner.plan import Engine

AT_ONCE = 1, 2, 3, 4
"""Rows that steps with windows compute at once: more need more memory, but fewer instructions."""

LITTLE = 0.02
"""Share of the additional instructions of a chain that more rows at once of a step have to save."""

FEW_TRIES = 10
"""Orders in which tensors are placed to compare chains."""

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

    def __init__(self, plan: Plan, engine: Engine, most: int, at_once: int = 1) -> None:
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
            steps.append(folded or row_step(plan, step, engine, at_once))
        self.plan, self._steps, self._engine = replace(plan, slots=slots), steps, engine
        self._several: dict[tuple[int, int], RowStep | None] = {}
        self._last = {slot: at for at, one in enumerate(plan.steps) for slot in one.reads}
        self._last |= dict.fromkeys(plan.outputs, len(plan.steps))
        self._born = {slot: at for at, one in enumerate(plan.steps) for slot in one.writes}

        self._most, self._work, self._work_at_once = most, MOST_WORK, MOST_WORK
        self.unfed = [one for first in range(len(steps)) for one in self._from(first, None)]

    def fed(self, slot: int) -> list[Segment]:
        """Return the segments where the caller brings the rows of the model's input one by one.

        None begins behind the first step but before the last one that reads the input.

        Args:
            slot: the input.
        """
        behind = [one for one in self.unfed if one.first > self._last[slot]]
        return [*self._from(0, slot), *behind]

    def faster(self, segment: Segment) -> list[Segment]:
        """Return a chain with more rows at once, one after another faster and in more bytes.

        Their peaks are the bytes of the arena that they need alone, because the places of the
        tensors are seldom as close as what is alive at a time.

        Args:
            segment: of single rows.
        """
        single = segment.chain
        if single is None:
            return []
        start = (1,) * len(single.steps)
        smallest = place(segment.times, FEW_TRIES)[1]
        found, moves = [], []
        for at, count in product(range(len(start)), AT_ONCE[1:]):
            one = self._at_once(single, _with(start, at, count))
            if one is not None and segment.cost - one.cost > LITTLE * segment.cost:
                found.append(one)
                moves.append(((segment.cost - one.cost) / max(one.peak - smallest, 1), at, count))
        counts, best = start, segment
        for _, at, count in sorted(moves, reverse=True):
            if count > counts[at]:
                one = self._at_once(single, _with(counts, at, count))
                if one is not None and one.cost < best.cost:
                    counts, best = _with(counts, at, count), one
                    found.append(one)
        return [one for one in found if one.peak <= self._most]

    def _at_once(self, single: Chain, counts: Sequence[int]) -> Segment | None:
        """Return a chain with so many rows at once of each step; None where there is none."""
        steps = []
        for at, count in enumerate(counts, single.first):
            one = single.steps[at - single.first]
            if count > 1:
                if (at, count) not in self._several and one.step.kernel.bands and not one.folds:
                    step = row_step(self.plan, self.plan.steps[at], self._engine, count)
                    self._several[at, count] = step
                several = self._several.get((at, count))
                if several is None or several.at_once < count:
                    return None
                one = several
            steps.append(one)
        rows = sum(one.rows for one in steps)
        if rows > self._work_at_once:
            return None
        self._work_at_once -= rows
        changed = chain(single.first, steps, self._kept(single.end), single.fed)
        if changed is None:
            return None
        found = self._by_rows(changed)
        return dataclass_with(found, peak=place(found.times, FEW_TRIES)[1])

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
        cost = more(chain, pitches)
        return Segment(chain.first, chain.end, chain, tuple(times), peak(times), cost)


def _with(counts: tuple[int, ...], at: int, count: int) -> tuple[int, ...]:
    return (*counts[:at], count, *counts[at + 1 :])


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
