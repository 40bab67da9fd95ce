"""Places of tensors of which some may overlap, in as little memory as a search finds."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from edge_runtime.planner.memory import ALIGNMENT
from edge_runtime.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WORK = 1_000_000
"""Comparisons of two places that go into a search: about a second."""

TRIES = 2_000
"""Most orders that are tried."""


@record
class Block:
    """Memory that is used from one step to another.

    Attributes:
        size: bytes.
        first: the step before which it is written for the first time.
        last: the last step that needs it.
    """

    size: int
    first: int
    last: int


@record
class Overlap:
    """How a block that a step writes may overlap one that the step reads for the last time.

    Attributes:
        output: index of the block that is written.
        input: index of the one that is read.
        before: bytes by which the output begins earlier, at least.
        exactly: other numbers of bytes by which it may begin earlier, 0 for the same place.
        behind: bytes by which the output may begin later instead, at least; None for as many as the
            input has.
    """

    output: int
    input: int
    before: int
    exactly: tuple[int, ...] = ()
    behind: int | None = None


Interval = tuple[int, int, int]
"""A block, and bounds of what the offset of another one less its offset is not: both excluded."""


def place(
    blocks: Sequence[Block], overlaps: Sequence[Overlap], work: int = WORK
) -> tuple[list[int], int] | None:
    """Return an offset for each block and the size of all, all multiples of ALIGNMENT.

    Blocks are put, one after another, at the lowest offset where they lie clear of those before
    them: the largest first, then in other orders, as long as the size is above what the fullest
    step needs and fewer than ``work`` comparisons were made. The same blocks always get the same
    places.

    Returns None for blocks of which so many are used at once that nothing could be tried.
    """
    intervals = _intervals(blocks, {(one.output, one.input): one for one in overlaps})
    if intervals is None:
        return None
    indices = range(len(blocks))
    starts = [
        sorted(indices, key=lambda index: -blocks[index].size),
        # An output that begins before its input is put before it.
        sorted(indices, key=lambda index: (-blocks[index].first, -blocks[index].size)),
    ]
    placed = [_offsets(blocks, intervals, order) for order in starts]
    size, order, offsets = min(
        (_size(blocks, found), start, found) for start, found in zip(starts, placed, strict=True)
    )
    best, random, least = offsets, Random(0), _least(blocks, overlaps)
    for _ in range(min(TRIES, work // (1 + sum(map(len, intervals)) + len(blocks)))):
        if size <= least:
            break
        # One of the blocks at the top is placed earlier.
        current = _size(blocks, offsets)
        ends = [aligned(offsets[one] + blocks[one].size) for one in order]
        at = random.choice([at for at, end in enumerate(ends) if end == current])
        tried = [*order]
        tried.insert(random.randrange(at + 1), tried.pop(at))
        if random.random() < 0.5:
            tried.insert(random.randrange(len(tried)), tried.pop(random.randrange(len(tried))))
        found = _offsets(blocks, intervals, tried)
        if _size(blocks, found) <= current:
            order, offsets = tried, found
        if _size(blocks, found) < size:
            best, size = found, _size(blocks, found)
    return best, size


def _size(blocks: Sequence[Block], offsets: Sequence[int]) -> int:
    ends = (offset + block.size for offset, block in zip(offsets, blocks, strict=True))
    return aligned(max(ends, default=0))


def aligned(size: int) -> int:
    """Return the next multiple of ALIGNMENT."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _intervals(
    blocks: Sequence[Block], overlaps: Mapping[tuple[int, int], Overlap]
) -> list[list[Interval]] | None:
    """Return for each block where it may not lie, seen from those that are used with it."""
    intervals: list[list[Interval]] = [[] for _ in blocks]
    used: list[int] = []
    work = 0
    for index in sorted(range(len(blocks)), key=lambda index: blocks[index].first):
        used = [other for other in used if blocks[other].last >= blocks[index].first]
        work += len(used)
        if work > WORK // 4:
            return None
        for other in used:
            for low, high in _apart(blocks, overlaps, index, other):
                intervals[index].append((other, low, high))
                intervals[other].append((index, -high, -low))
        used.append(index)
    return intervals


def _apart(
    blocks: Sequence[Block], overlaps: Mapping[tuple[int, int], Overlap], one: int, other: int
) -> list[tuple[int, int]]:
    """Return which differences of two offsets let the blocks overlap where they may not."""
    if overlap := overlaps.get((one, other)):
        return _around(blocks, overlap)
    if overlap := overlaps.get((other, one)):
        return [(-high, -low) for low, high in _around(blocks, overlap)]
    return [(-blocks[one].size, blocks[other].size)]


def _around(blocks: Sequence[Block], overlap: Overlap) -> list[tuple[int, int]]:
    """Return which differences of the offsets of an output and of its input do not do."""
    high = blocks[overlap.input].size
    low = -min(overlap.before, blocks[overlap.output].size)
    if overlap.behind is not None:
        high = min(overlap.behind, high)
    marks = sorted({low, high, *(-one for one in overlap.exactly if low < -one < high)})
    return list(pairwise(marks))


def _offsets(
    blocks: Sequence[Block], intervals: Sequence[Sequence[Interval]], order: Sequence[int]
) -> list[int]:
    """Return the lowest offset of each block after those before it in the order."""
    offsets = [-1] * len(blocks)
    for index in order:
        taken = [
            (offsets[other] + low, offsets[other] + high)
            for other, low, high in intervals[index]
            if offsets[other] >= 0
        ]
        offset = 0
        for low, high in sorted(taken):
            if low >= offset:
                break
            if offset < high:
                offset = aligned(high)
        offsets[index] = offset
    return offsets


def _least(blocks: Sequence[Block], overlaps: Sequence[Overlap]) -> int:
    """Return how many bytes the fullest step needs at least."""
    changes: dict[int, int] = {}
    for block in blocks:
        changes[block.first] = changes.get(block.first, 0) + block.size
        changes[block.last + 1] = changes.get(block.last + 1, 0) - block.size
    spared: dict[int, int] = {}
    for one in overlaps:
        output, source = blocks[one.output].size, blocks[one.input].size
        together = max(output, source + min(one.before, *one.exactly, output))
        if one.behind is not None:
            together = min(together, max(source, output + one.behind))
        spared[blocks[one.output].first] = max(
            spared.get(blocks[one.output].first, 0), output + source - together
        )
    used = most = 0
    for step in sorted(changes):
        used += changes[step]
        most = max(most, used - spared.get(step, 0))
    return aligned(most)
