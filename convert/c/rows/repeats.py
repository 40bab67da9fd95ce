"""Numbers of which one part follows itself, without its repetitions, for a loop that goes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

LONGEST = 256
"""Most numbers of a part. Networks repeat some twenty actions for as many rows as an image has."""


@dataclass(frozen=True)
class Folded:
    """Numbers of which a part is repeated, behind which others follow.

    Attributes:
        numbers: the numbers, with the part once.
        start: where the part begins.
        end: where it ends.
        more: how many times it follows itself; 0 if nothing is repeated.
    """

    numbers: tuple[int, ...]
    start: int
    end: int
    more: int


def folded(numbers: Sequence[int]) -> Folded:
    """Return the numbers without the repetitions that are the most of them."""
    best = Folded(tuple(numbers), 0, 0, 0)
    for period in range(1, min(len(numbers) // 2, LONGEST) + 1):
        pairs = zip(numbers, numbers[period:], strict=False)
        start = 0
        for same, run in groupby(one == other for one, other in pairs):
            count = len(list(run))
            end = start + period
            more = min(count, len(numbers) - end - 1) // period if same else 0
            if len(numbers) - more * period < len(best.numbers):
                kept = (*numbers[:end], *numbers[end + more * period :])
                best = Folded(kept, start, end, more)
            start += count
    return best
