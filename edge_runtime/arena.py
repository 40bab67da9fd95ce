"""Where activations lie: tensors that are never alive together share the same bytes."""

from __future__ import annotations

from edge_runtime.record import record

ALIGNMENT = 16
"""Of every offset in the arena, in bytes: that of TFLite's arenas, and enough for SIMD loads."""


@record
class Lifetime:
    """A tensor that needs a place.

    Attributes:
        size: bytes.
        first: step that writes it.
        last: last step that reads it.
    """

    size: int
    first: int
    last: int


def place(lifetimes: list[Lifetime]) -> tuple[list[int], int]:
    """Return an offset for each tensor and the size of the arena, all multiples of ALIGNMENT.

    The largest first, each at the lowest offset where it meets nobody who is alive at the same
    time. Source: greedy by size, in Pisarchyk and Lee, "Efficient Memory Management for Deep
    Neural Net Inference", 2020; TFLite Micro's GreedyMemoryPlanner does the same.
    """
    offsets = [0] * len(lifetimes)
    placed: list[int] = []
    for index in sorted(range(len(lifetimes)), key=lambda i: -lifetimes[i].size):
        own = lifetimes[index]
        neighbours = sorted(
            (offsets[i], _aligned(lifetimes[i].size))
            for i in placed
            if lifetimes[i].first <= own.last and own.first <= lifetimes[i].last
        )
        offset = 0
        for start, size in neighbours:
            if offset + own.size <= start:
                break
            offset = max(offset, start + size)
        offsets[index] = offset
        placed.append(index)
    ends = [offsets[i] + _aligned(lifetimes[i].size) for i in placed]
    return offsets, max(ends, default=0)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
