"""Places in the arena for tensors of which different parts are alive at different times."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.planner.memory import ALIGNMENT

Alive = Mapping[int, tuple[int, int]]
"""Tensor -> the first of its bytes that are alive at a time, and the end of them."""

Interval = tuple[int, int]
"""Numbers between two others, without these."""

UNIT = 8
"""Offsets are multiples of it: an arena is aligned as int64_t is."""

TRIES = 60
"""Orders in which the tensors are placed; of all arenas the smallest is taken."""


def peak(times: Sequence[Alive]) -> int:
    """Return the most bytes that are alive at a time: no arena is smaller."""
    return max((sum(end - start for start, end in alive.values()) for alive in times), default=0)


def place(times: Sequence[Alive], tries: int = TRIES) -> tuple[dict[int, int], int]:
    """Return an offset for each tensor, and the size of the arena, a multiple of ALIGNMENT.

    No bytes of two tensors that are alive at the same time lie at the same place. Tensors are
    placed one after another, each where the arena grows least: the largest first, then in other
    orders, in which those at the end of the arena move forward.

    Args:
        times: what is alive, one time after another.
        tries: number of orders.
    """
    names, apart = _apart(times)
    sizes = _sizes(times)
    order = sorted(names, key=lambda name: -sizes[name])
    rng, best, bound = random.Random(0), _placed(order, sizes, apart), peak(times)
    for _ in range(tries):
        offsets, size = best
        if size < bound + UNIT:
            break
        changed = list(order)
        highest = max(names, key=lambda name: offsets[name] + sizes[name])
        one = highest if rng.random() < 0.5 else rng.choice(names)
        changed.remove(one)
        changed.insert(rng.randrange(len(names)), one)
        other = _placed(changed, sizes, apart)
        if other[1] <= size:
            best, order = other, changed
    offsets, size = best
    return offsets, -(-size // ALIGNMENT) * ALIGNMENT


def _sizes(times: Sequence[Alive]) -> dict[int, int]:
    sizes: dict[int, int] = {}
    for alive in times:
        for name, (start, end) in alive.items():
            if end > start:
                sizes[name] = max(sizes.get(name, 0), end)
    return sizes


def _apart(times: Sequence[Alive]) -> tuple[list[int], dict[tuple[int, int], list[Interval]]]:
    """Return the tensors, and for two of them the distances at which they may not lie.

    That is the offset of the second less that of the first.
    """
    names = sorted(_sizes(times))
    rows = {name: row for row, name in enumerate(names)}
    ends = np.zeros((2, len(names), len(times)), np.int64)
    for at, alive in enumerate(times):
        for name, (start, end) in alive.items():
            if end > start:
                ends[:, rows[name], at] = start, end
    starts, stops = np.unique(ends, axis=2)
    apart = {}
    for first in names:
        for second in names:
            if first != second:
                a, b = rows[first], rows[second]
                both = (stops[a] > starts[a]) & (stops[b] > starts[b])
                lows = (starts[a] - stops[b])[both]
                highs = (stops[a] - starts[b])[both]
                apart[first, second] = _joined(lows, highs)
    return names, apart


def _joined(lows: npt.NDArray[np.int64], highs: npt.NDArray[np.int64]) -> list[Interval]:
    """Return the union of intervals, sorted."""
    joined: list[Interval] = []
    for low, high in sorted(set(zip(lows.tolist(), highs.tolist(), strict=True))):
        if joined and low < joined[-1][1]:
            joined[-1] = joined[-1][0], max(high, joined[-1][1])
        else:
            joined.append((low, high))
    return joined


def _placed(
    order: Sequence[int],
    sizes: Mapping[int, int],
    apart: Mapping[tuple[int, int], Sequence[Interval]],
) -> tuple[dict[int, int], int]:
    """Return the offsets of tensors that are placed in an order, and the end of the last one."""
    offsets: dict[int, int] = {}
    low = high = 0
    for name in order:
        taken = sorted(
            (offsets[other] + start, offsets[other] + end)
            for other in offsets
            for start, end in apart[other, name]
        )
        places = _free(taken)
        size = sizes[name]
        at = min(places, key=lambda at: (max(high, at + size) - min(low, at), abs(at)))
        offsets[name] = at
        low, high = min(low, at), max(high, at + size)
    return {name: at - low for name, at in offsets.items()}, high - low


def _free(taken: Sequence[Interval]) -> list[int]:
    """Return the multiples of UNIT beside sorted intervals that lie in none of them."""
    if not taken:
        return [0]
    reached = taken[0][0] // UNIT * UNIT
    places = [reached]
    for low, high in taken:
        before, behind = low // UNIT * UNIT, -(-high // UNIT) * UNIT
        if before >= reached:
            places += [reached, before]
        reached = max(reached, behind)
    return [*places, reached]
