"""The settings of fine-tuning: sparse, clustered, ready for int8."""

from dataclasses import dataclass

from edgekit.train.recipe import Recipe

STAGES = ("prune", "cluster", "qat")
"""In the order they run, each keeping the results of those before; fields of Recipe and Tuning."""


@dataclass(frozen=True)
class Tuning:
    """How a trained model is fine-tuned.

    Attributes:
        qat: quantisation-aware training, with the rounding of int8 in the forward pass.
        prune: share of each kernel's weights set to 0; 0.0 for no pruning.
        cluster: maximum of different values per kernel; 0 for no clustering.
        epochs: epochs per stage.
        learning_rate: of Adam.
        batch_size: inputs per step.
        seed: for shuffling and the first centroids.
    """

    qat: bool = False
    prune: float = 0.0
    cluster: int = 0
    epochs: int = 5
    learning_rate: float = 0.001
    batch_size: int = 32
    seed: int = 42

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages that run, in order."""
        return tuple(stage for stage in STAGES if getattr(self, stage))


def after_training(recipe: Recipe) -> Tuning:
    """Return the settings after ``edgekit train``: a tenth of its learning rate."""
    return Tuning(
        **{stage: getattr(recipe, stage) for stage in STAGES},
        epochs=min(recipe.epochs, Tuning.epochs),
        learning_rate=recipe.learning_rate / 10,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
    )
