"""The order in which a chain of steps computes its rows, and the rows that are held meanwhile.

A row is computed as late as it can be: when a row further down needs it. Each is computed once. It
is dropped as soon as nothing needs it any more, and the rows behind it move down, so that a window
lies one row after another in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgekit.convert.c.rows.steps import RowStep

RUN, DROP, FEED = "run", "drop", "feed"

Held = Mapping[int, tuple[int, int]]
"""Slot -> first row that is held, and the row behind the last one."""


@dataclass(frozen=True)
class Action:
    """Something that a chain does.

    Attributes:
        kind: RUN: a step computes its next row. DROP: the first rows of a tensor are dropped. FEED:
            the caller brings the next row of the model's input.
        which: position of the step in the chain; the tensor's slot.
        count: number of rows.
    """

    kind: str
    which: int
    count: int = 1


@dataclass(frozen=True)
class Chain:
    """Steps that run together, row by row.

    Attributes:
        first: index of the first step in the plan.
        steps: one after another.
        rings: slots of which only the rows are held that are needed.
        fed: slot of the model's input where the caller brings its rows; it is a ring.
        actions: in their order.
        held: for each action but DROP, the rows that are held meanwhile, or still needed.
    """

    first: int
    steps: tuple[RowStep, ...]
    rings: frozenset[int]
    fed: int | None
    actions: tuple[Action, ...]
    held: tuple[Held, ...] = field(repr=False)

    @property
    def end(self) -> int:
        """Index of the step behind the last one."""
        return self.first + len(self.steps)

    @property
    def tracked(self) -> tuple[int, ...]:
        """Slots whose rows are counted: those of outputs, for folded ones those read; the fed."""
        written = dict.fromkeys(slot for one in self.steps for slot in one.step.writes)
        return (*written, *([] if self.fed is None else [self.fed]))

    @property
    def rows(self) -> dict[int, int]:
        """Slot of each tensor that is read or written by rows -> its rows."""
        found: dict[int, int] = {}
        for one in self.steps:
            found |= {slot: window.rows for slot, window in one.windows.items()}
            found |= dict.fromkeys(one.outputs, one.rows)
        return found


def chain(
    first: int, steps: Sequence[RowStep], kept: frozenset[int], fed: int | None
) -> Chain | None:
    """Return consecutive steps as a chain; None where they are none.

    Args:
        first: index of the first step in the plan.
        steps: the steps.
        kept: slots that are needed after them.
        fed: slot of the model's input where its rows are brought one by one.
    """
    rows: dict[int, int] = {}
    written = {slot for one in steps for slot in one.step.writes}
    for one in steps:
        if written & one.whole or fed in one.whole:
            return None
        for slot, window in one.windows.items():
            if rows.setdefault(slot, window.rows) != window.rows:
                return None
        for slot in one.outputs:
            if rows.setdefault(slot, one.rows) != one.rows:
                return None
    folded = {slot for one in steps if one.folds for slot in one.step.writes}
    if any(one.whole & rows.keys() for one in steps) or folded & rows.keys():
        return None
    return _Scheduler(steps, rows, kept, fed).chain(first)


class _Scheduler:
    """Finds the order of a chain."""

    def __init__(
        self,
        steps: Sequence[RowStep],
        rows: Mapping[int, int],
        kept: frozenset[int],
        fed: int | None,
    ) -> None:
        self._steps, self._rows, self._fed = steps, rows, fed
        self._producers = {slot: at for at, one in enumerate(steps) for slot in one.outputs}
        self._readers: dict[int, list[int]] = {slot: [] for slot in rows}
        for at, one in enumerate(steps):
            for slot in one.windows:
                self._readers[slot].append(at)
        inside = {*self._producers} | ({fed} if fed is not None else set())
        self._rings = frozenset(slot for slot in inside if slot not in kept)
        # What is read for the last time here need not stay whole, wherever it lies.
        self._shrinking = frozenset(rows) - kept
        self._sinks = [
            at
            for at, one in enumerate(steps)
            if one.folds
            or not all(slot in self._rings and self._readers[slot] for slot in one.outputs)
        ]
        self._done = [0] * len(steps)
        self._first = dict.fromkeys(rows, 0)
        self._end = {slot: 0 if slot in inside else count for slot, count in rows.items()}
        self._actions: list[Action] = []
        self._held: list[Held] = []

    def chain(self, first: int) -> Chain:
        """Return the chain."""
        while sinks := [at for at in self._sinks if self._done[at] < self._steps[at].rows]:
            # The one that is the furthest behind.
            at = min(sinks, key=lambda at: self._done[at] / self._steps[at].rows)
            self._compute(at)
        if self._fed is not None:
            while self._end[self._fed] < self._rows[self._fed]:
                self._feed()
        return Chain(
            first,
            tuple(self._steps),
            self._rings,
            self._fed,
            tuple(self._actions),
            tuple(self._held),
        )

    def _compute(self, at: int) -> None:
        """Compute the next row of a step, after all rows that it needs."""
        one = self._steps[at]
        for slot, window in one.windows.items():
            while self._end[slot] < window.end(self._done[at]):
                if slot == self._fed:
                    self._feed()
                else:
                    self._compute(self._producers[slot])
        self._done[at] += 1
        for slot in one.outputs:
            self._end[slot] += 1
        self._note(Action(RUN, at))
        for slot in dict.fromkeys((*one.windows, *one.outputs)):
            self._drop(slot)

    def _feed(self) -> None:
        assert self._fed is not None
        self._end[self._fed] += 1
        self._note(Action(FEED, self._fed))
        self._drop(self._fed)

    def _note(self, action: Action) -> None:
        self._actions.append(action)
        self._held.append({slot: (self._first[slot], self._end[slot]) for slot in self._rows})

    def _drop(self, slot: int) -> None:
        """Drop the rows of a tensor that nothing needs any more."""
        if slot not in self._shrinking:
            return
        needed = self._rows[slot]
        for at in self._readers[slot]:
            one = self._steps[at]
            if self._done[at] < one.rows:
                needed = min(needed, one.windows[slot].first(self._done[at]))
        count = min(needed, self._end[slot]) - self._first[slot]
        if count > 0:
            self._first[slot] += count
            if slot in self._rings:
                self._actions.append(Action(DROP, slot, count))
