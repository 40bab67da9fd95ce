"""The documented model's hyper-parameters, each an option with its documented default."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from edgekit import stored
from edgekit.errors import ModelFileError

OUTPUT_ACTIVATIONS = ("sigmoid", "softmax")
INITIALIZERS = ("glorot-uniform", "random-normal", "truncated-normal", "random-uniform")
OPTIMIZERS = ("adam", "sgd", "rmsprop", "adagrad", "adadelta", "adamax", "nadam")
MONITORS = ("loss", "val_loss")


@dataclass(frozen=True)
class Recipe:
    """How the model is built and trained.

    Attributes:
        hidden: nodes of the hidden Dense layer (relu).
        output_activation: one of OUTPUT_ACTIVATIONS.
        initializer: one of INITIALIZERS, for both kernels, seeded with ``seed``.
        optimizer: one of OPTIMIZERS, Keras' own with their defaults but the learning rate.
        learning_rate: the optimizer's.
        epochs: at most so many.
        batch_size: images a step; the source names 25 as the alternative.
        patience: epochs without a better ``monitor`` before training stops.
        monitor: one of MONITORS; "val_loss" needs ``validation_split``.
        validation_split: share of the training images, the last ones, that is held back.
        seed: of the initialisers and of the shuffling.
        qat: whether quantisation-aware training follows (``finetune.recipe.after_training``).
        prune: share of each kernel's weights that become 0 after training; 0.0 prunes nothing.
        cluster: how many different values each kernel may have after it; 0 clusters nothing.
    """

    hidden: int = 14
    output_activation: str = "sigmoid"
    initializer: str = "glorot-uniform"
    optimizer: str = "adam"
    learning_rate: float = 0.01
    epochs: int = 100
    batch_size: int = 32
    patience: int = 9
    monitor: str = "loss"
    validation_split: float = 0.0
    seed: int = 42
    qat: bool = False
    prune: float = 0.0
    cluster: int = 0


RECIPE = {f"{field.name}?": field.type for field in fields(Recipe)}
"""Its shape in JSON, as ``edgekit.stored`` checks it."""


def from_json(document: Mapping[str, Any], where: str) -> Recipe:
    """Return the recipe that a document holds.

    Args:
        document: the recipe's fields, as ``asdict`` gives them.
        where: the document, as an error calls it.

    Raises:
        ModelFileError: a field is of another kind, or unknown here.
    """
    unknown = [name for name in document if f"{name}?" not in RECIPE]
    problem = f"{unknown[0][:40]!r} is unknown here" if unknown else ""
    if problem := problem or stored.problem(document, RECIPE):
        raise ModelFileError(f"{where}: recipe: {problem}: restore the file, or move it away")
    return Recipe(**document)
