"""The models that a sweep trains: grids of hyper-parameters and the points on them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from edgekit.train.recipe import INITIALIZERS, Recipe

Grid = Mapping[str, Sequence[Any]]
"""Field of Recipe -> its values; the other fields keep their defaults."""

DOCUMENTED: tuple[Grid, ...] = (
    {"hidden": tuple(range(2, 21))},
    {"initializer": INITIALIZERS},
)
"""The documented study: 2 to 20 hidden nodes; each initialiser at the documented model."""


def points(grids: Sequence[Grid], seeds: int) -> tuple[Recipe, ...]:
    """Return every combination of each grid's values, without duplicates.

    Args:
        grids: the grids.
        seeds: how many seeds to repeat each combination with: its own, and the next ones up.

    Returns:
        The recipes; those of one combination are adjacent.

    Raises:
        TypeError: a key is not a field of Recipe.
    """
    combinations = (
        replace(Recipe(), **dict(zip(grid, values, strict=True)))
        for grid in grids
        for values in product(*grid.values())
    )
    repeated = (
        replace(recipe, seed=recipe.seed + offset)
        for recipe in combinations
        for offset in range(seeds)
    )
    return tuple(dict.fromkeys(repeated))
