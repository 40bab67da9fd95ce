"""Multipliers in place of real factors."""

from random import Random

from edge_runtime.fixed_point import half_away, rescale, rounding_multiplier


def test_a_multiplier_rounds_as_a_product_of_doubles():
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
                        assert rescale(signed, multiplier, shift) == expected, (factor, signed)
