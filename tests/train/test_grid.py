import pytest

from edgekit.train.finetune.recipe import after_training
from edgekit.train.grid import DOCUMENTED, points
from edgekit.train.recipe import INITIALIZERS, Recipe


def test_the_documented_study_has_19_node_counts_and_4_initialisers() -> None:
    recipes = points(DOCUMENTED, 1)
    nodes, initialisers = recipes[:19], [Recipe(initializer=name) for name in INITIALIZERS]
    assert nodes == tuple(Recipe(hidden=hidden) for hidden in range(2, 21))
    # The documented model is one of the 19 and is trained once.
    assert set(initialisers) <= set(recipes)
    assert len(recipes) == len(set(recipes)) == 19 + 4 - 1


def test_a_grid_is_every_combination_with_every_seed() -> None:
    recipes = points(({"hidden": (2, 3), "batch_size": (25, 32)},), 2)
    assert [(recipe.hidden, recipe.batch_size, recipe.seed) for recipe in recipes] == [
        (hidden, size, seed) for hidden in (2, 3) for size in (25, 32) for seed in (42, 43)
    ]


def test_fine_tuning_is_an_axis_like_any_other() -> None:
    recipes = points(({"prune": (0.0, 0.8), "qat": (False, True)},), 1)
    assert [after_training(recipe).stages for recipe in recipes] == [
        (),
        ("qat",),
        ("prune",),
        ("prune", "qat"),
    ]


def test_an_unknown_field_is_no_point() -> None:
    with pytest.raises(TypeError):
        points(({"hiden": (2,)},), 1)
