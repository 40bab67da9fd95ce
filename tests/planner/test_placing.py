"""Places of blocks: clear of each other but where they may overlap, and few bytes in all."""

import random

import pytest

from edge_runtime.planner.placing import Block, Overlap, place


def chain(rng: random.Random, count: int) -> tuple[list[Block], list[Overlap]]:
    """Return blocks of which each is made of one before it, and how they may overlap."""
    blocks = [Block(rng.randrange(1, 4000), -1, 0)]
    overlaps = []
    for index in range(1, count):
        last = min(count, index + rng.choice([0, 0, 0, 0, 3]))
        blocks.append(Block(rng.randrange(1, 4000), index - 1, last))
        if blocks[index - 1].last == index - 1:
            size = blocks[index].size
            before, behind = rng.choice([1, size // 8 + 1, size]), rng.choice([None, 64])
            exactly = rng.choice([(), (0,), (16, 48)])
            overlaps.append(Overlap(index, index - 1, before, exactly, behind))
    return blocks, overlaps


def clear(blocks: list[Block], overlaps: list[Overlap], offsets: list[int]) -> bool:
    """Return whether no two blocks overlap where they may not."""
    may = {(one.output, one.input): one for one in overlaps}
    for a, first in enumerate(blocks):
        for b, second in enumerate(blocks):
            if a == b or first.last < second.first or second.last < first.first:
                continue
            apart = offsets[a] + first.size <= offsets[b] or offsets[b] + second.size <= offsets[a]
            one = may.get((a, b)) or may.get((b, a))
            if apart or not one:
                if not apart:
                    return False
                continue
            moved = offsets[one.output] - offsets[one.input]
            exact = -moved in one.exactly
            before = -moved >= one.before
            behind = one.behind is not None and moved >= one.behind
            if not (exact or before or behind):
                return False
    return True


@pytest.mark.parametrize("seed", range(60))
def test_blocks_are_clear_of_each_other(seed: int) -> None:
    rng = random.Random(seed)
    blocks, overlaps = chain(rng, rng.randrange(1, 30))
    placed = place(blocks, overlaps)
    assert placed is not None
    offsets, size = placed
    assert clear(blocks, overlaps, offsets)
    assert all(offset % 16 == 0 for offset in offsets)
    ends = [offset + block.size for offset, block in zip(offsets, blocks, strict=True)]
    assert size == -(-max(ends) // 16) * 16
    assert place(blocks, overlaps) == placed
    apart = place(blocks, [])
    assert apart is not None
    assert size <= apart[1]


def test_a_block_follows_the_one_that_it_is_made_of() -> None:
    blocks = [Block(1000, -1, 0), Block(1000, 0, 1)]
    for overlap, size in (
        (Overlap(1, 0, 1000, (0,)), 1008),
        (Overlap(1, 0, 160), 1168),
        (Overlap(1, 0, 1000), 2016),
        (Overlap(1, 0, 1000, (), 320), 1328),
        (Overlap(1, 0, 1000, (48, 480), 320), 1056),
    ):
        placed = place(blocks, [overlap])
        assert placed is not None
        assert placed[1] == size
    assert place(blocks, []) == ([0, 1008], 2016)


def test_a_search_finds_what_the_largest_first_do_not() -> None:
    """Each is put below the one before it, which the largest would leave no room for."""
    sizes = [800, 1600, 3200, 1600]
    blocks = [Block(size, index - 1, index) for index, size in enumerate(sizes)]
    overlaps = [Overlap(index, index - 1, 64) for index in (1, 2, 3)]
    placed = place(blocks, overlaps)
    assert placed is not None
    assert placed[1] == 3200 + 64


def test_nothing_and_too_much() -> None:
    assert place([], []) == ([], 0)
    assert place([Block(16, 0, 1)] * 2000, []) is None
    blocks = [Block(100 + index % 7, index, index + 1) for index in range(4096)]
    assert place(blocks, [Overlap(index + 1, index, 1) for index in range(4095)]) is not None
