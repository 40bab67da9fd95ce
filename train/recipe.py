"""The hyper-parameters of a training run; each is an option of ``edgekit train``."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from edgekit import stored
from edgekit.errors import ModelFileError

OUTPUT_ACTIVATIONS = ("sigmoid", "softmax")
INITIALIZERS = ("glorot-uniform", "random-normal", "truncated-normal", "random-uniform")
OPTIMIZERS = ("adam", "sgd", "rmsprop", "adagrad", "adadelta", "adamax", "nadam")
MONITORS = ("loss", "val_loss")
CLASS_WEIGHTS = ("none", "balanced")

DOCUMENTED = ("hidden", "output_activation", "initializer")
"""Fields that only the documented model has."""


@dataclass(frozen=True)
class Recipe:
    """How the model is built and trained.

    Attributes:
        hidden: nodes of the hidden Dense layer (relu).
        output_activation: one of OUTPUT_ACTIVATIONS.
        initializer: of both kernels, one of INITIALIZERS, seeded with ``seed``.
        optimizer: one of OPTIMIZERS, with Keras' defaults except for the learning rate.
        learning_rate: of the optimizer.
        epochs: maximum number of epochs.
        batch_size: inputs per step; 25 is the documented alternative.
        patience: epochs without improvement of ``monitor`` before training stops.
        monitor: one of MONITORS; "val_loss" needs ``validation_split``.
        validation_split: share of the training images, the last ones, held out for validation.
        seed: for initialisers and shuffling.
        qat: whether quantisation-aware training follows (``finetune.recipe.after_training``).
        prune: share of each kernel's weights set to 0 after training; 0.0 for no pruning.
        cluster: maximum of different values per kernel after training; 0 for no clustering.
        class_weight: "balanced" weighs each class by the inverse of its share, so that all count
            the same.
        augment: random changes of the training inputs, as for ``augment.parse``.
        model: the user's own model, "model.py:build"; "" for the documented one.
        model_sha256: digest of that file.
        task: what it is for, one of ``edge_runtime.meaning.TASKS``; "" lets its output and the data
            decide.
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
    class_weight: str = "none"
    augment: str = ""
    model: str = ""
    model_sha256: str = ""
    task: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The recipe as JSON: without what is of another kind of model, or was not asked for."""
        document = asdict(self)
        left_out = DOCUMENTED if self.model else ("model", "model_sha256")
        for name in (*left_out, "class_weight", "augment", "task"):
            if name in left_out or document[name] == getattr(Recipe, name):
                del document[name]
        return document


RECIPE = {f"{field.name}?": field.type for field in fields(Recipe)}
"""Shape of a recipe in JSON, for ``edgekit.stored``."""


def from_json(document: Mapping[str, Any], where: str) -> Recipe:
    """Return the recipe in a JSON document.

    Args:
        document: the recipe's fields, as ``Recipe.document`` has them.
        where: the document, as errors call it.

    Raises:
        ModelFileError: a field is unknown or has a value of the wrong type.
    """
    unknown = [name for name in document if f"{name}?" not in RECIPE]
    problem = f"{unknown[0][:40]!r} is unknown here" if unknown else ""
    if problem := problem or stored.problem(document, RECIPE):
        raise ModelFileError(f"{where}: recipe: {problem}: restore the file, or move it away")
    return Recipe(**document)
