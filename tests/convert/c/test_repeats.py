"""Repetitions in the order of a chain's actions."""

import numpy as np
import pytest

from edgekit.convert.c.rows.repeats import Folded, folded


def unfolded(order: Folded) -> list[int]:
    """Return what the exported loop runs."""
    actions, at, again = [], 0, 0
    while at < len(order.numbers):
        if at == order.end and again < order.more:
            at, again = order.start, again + 1
        actions.append(order.numbers[at])
        at += 1
    return actions


def test_the_longest_repetition_is_written_once() -> None:
    order = folded([9, 1, 2, 1, 2, 1, 2, 5, 5, 5, 7])
    assert order == Folded((9, 1, 2, 5, 5, 5, 7), start=1, end=3, more=2)


@pytest.mark.parametrize("numbers", [[], [3], [1, 2, 3]])
def test_what_is_not_repeated_stays(numbers: list[int]) -> None:
    assert folded(numbers) == Folded(tuple(numbers), 0, 0, 0)


def test_a_loop_over_it_gives_all_numbers() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        part = rng.integers(0, 3, rng.integers(1, 5)).tolist() * int(rng.integers(1, 6))
        before, behind = (rng.integers(0, 3, rng.integers(0, 4)).tolist() for _ in range(2))
        numbers = [*before, *part, *behind]
        assert unfolded(folded(numbers)) == numbers
