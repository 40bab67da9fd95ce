"""Multipliers in place of real factors."""

from collections.abc import Iterator
from math import inf, nextafter
from random import Random

import pytest

from edge_runtime.fixed_point import (
    INT8_STEPS,
    f32,
    half_away,
    quantize_multiplier,
    quantize_multipliers,
    rescale_once,
    rounding_multiplier,
)
from edge_runtime.planner.memory import ALIGNMENT, Lifetime, place


@pytest.mark.parametrize("odd", [0.0, 2.0**-40, 2.0**-32, 2.0**29, 2.0**35, inf])
def test_many_multipliers_are_those_one_by_one(odd: float) -> None:
    random = Random(6)
    plain = [10 ** random.uniform(-6, 3) for _ in range(1000)]
    # The first rounds up to the next power of two.
    for factors in plain, [nextafter(1.0, 0.0), *plain], [*plain, odd]:
        pairs = [quantize_multiplier(factor) for factor in factors]
        multipliers, shifts = quantize_multipliers(factors)
        assert list(zip(multipliers, shifts, strict=True)) == pairs


def test_a_multiplier_rounds_as_a_product_of_doubles() -> None:
    random = Random(5)
    factors = [10 ** random.uniform(-4, 1) for _ in range(100)]
    factors += [a / b for a in (1, 3, 5) for b in (2, 4, 6, 8, 64)] + [1 / 10, 1 / 20, 1 / 14]
    for factor in factors:
        multiplier, shift = rounding_multiplier(factor)
        for step in range(256):
            middle = round((step + 0.5) / factor)
            for total in range(max(0, middle - 2), middle + 3):
                for signed in total, -total:
                    expected = half_away(signed * factor)
                    if abs(expected) <= 256:
                        assert rescale_once(signed, multiplier, shift) == expected, (factor, signed)


def multiplier_of_all_steps(factor: float) -> tuple[int, int]:
    """The definition of ``rounding_multiplier``: it checks every step."""
    multiplier, shift = quantize_multiplier(factor)
    if not 2.0**-31 < factor < 2.0**30:
        return multiplier, shift
    least, largest = 0, 2**31 - 1
    for step in range(1, INT8_STEPS + 1):
        total = max(1, int((step - 0.5) / factor))
        while half_away(total * factor) < step:
            total += 1
        while total > 1 and half_away((total - 1) * factor) >= step:
            total -= 1
        end = (2 * step - 1) << (30 - shift)
        least = max(least, end // total + 1)
        if total > 1:
            largest = min(largest, (end - 1) // (total - 1))
    return (min(max(multiplier, least), largest) if least <= largest else multiplier), shift


def factors(random: Random) -> Iterator[float]:
    """Yield factors as in models, of any size, and next to fractions with halves."""
    yield from (0.0, 5e-324, 2.0**-149, 2.0**-31, 2.0**30, 2.0**40, float("inf"))
    for _ in range(150):
        yield 10 ** random.uniform(-4, 1)
        yield 2 ** random.uniform(-33, 31)
        yield f32(random.random()) * f32(random.random()) / f32(random.random() + 1e-3)
        yield 2.0 ** random.randrange(-160, 35)
        exact = (2 * random.randrange(256) + 1) / (2 * random.randrange(1, 10_000))
        yield from (exact, nextafter(exact, 0), nextafter(exact, 9), exact * (1 + 2.0**-31))
        whole = random.randrange(2**30, 2**31) + random.choice((0, 0.5))
        yield whole * 2.0 ** random.randrange(-60, -20)
        yield 1 / (2 * random.randrange(1, 10**6))


def test_the_multiplier_equals_that_of_checking_every_step() -> None:
    for factor in factors(Random(8)):
        assert rounding_multiplier(factor) == multiplier_of_all_steps(factor), factor.hex()


def test_a_tensor_lies_at_the_lowest_offset_without_overlap() -> None:
    random = Random(3)
    for _ in range(300):
        born = [random.randrange(12) for _ in range(random.randrange(30))]
        lifetimes = [
            Lifetime(
                random.choice((1, 16, 17, random.randrange(1, 200))), at, at + random.randrange(6)
            )
            for at in born
        ]
        offsets, size = place(lifetimes)
        order = sorted(range(len(lifetimes)), key=lambda i: -lifetimes[i].size)
        spans = [
            range(offset, offset + -(-one.size // ALIGNMENT) * ALIGNMENT)
            for offset, one in zip(offsets, lifetimes, strict=True)
        ]
        for rank, index in enumerate(order):
            lifetime = lifetimes[index]
            met = [
                spans[other]
                for other in order[:rank]
                if lifetimes[other].first <= lifetime.last
                and lifetime.first <= lifetimes[other].last
            ]
            for offset in range(0, offsets[index] + 1, ALIGNMENT):
                end = offset + lifetime.size
                free = all(end <= one.start or one.stop <= offset for one in met)
                assert free == (offset == offsets[index])
        assert size == max((span.stop for span in spans), default=0)
