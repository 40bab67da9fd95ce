"""The documented model: 784 inputs, 14 relu nodes, one output node per class."""

from typing import Any

from edgekit import frameworks
from edgekit.train.dataset import IMAGE_SHAPE
from edgekit.train.recipe import Recipe


def build(recipe: Recipe, classes: int, name: str = "digits") -> Any:
    """Return the compiled ``keras.Sequential`` of ``recipe`` with ``classes`` output nodes.

    It maps float32 images [N, 28, 28, 1] to float32 scores [N, classes]. 14 hidden nodes and 2
    classes have 784·14 + 14 + 14·2 + 2 = 11,020 parameters.
    """
    keras = frameworks.keras()
    model = keras.Sequential(
        [
            keras.Input(IMAGE_SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(
                recipe.hidden, activation="relu", kernel_initializer=initializer(recipe)
            ),
            keras.layers.Dense(
                classes,
                activation=recipe.output_activation,
                kernel_initializer=initializer(recipe),
            ),
        ],
        name=name,
    )
    model.compile(
        optimizer=optimizer(recipe),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def loss_name(model: Any) -> str:
    """Return the name of a compiled model's loss, as "categorical_crossentropy"."""
    loss = model.loss
    return loss if isinstance(loss, str) else str(getattr(loss, "name", "") or loss.__name__)


def initializer(recipe: Recipe) -> Any:
    """Return a fresh Keras initialiser: the documented ones and Keras' default, all seeded."""
    initializers = frameworks.keras().initializers
    match recipe.initializer:
        case "random-normal":
            return initializers.RandomNormal(mean=0.0, stddev=1.0, seed=recipe.seed)
        case "truncated-normal":
            return initializers.TruncatedNormal(mean=0.0, stddev=0.05, seed=recipe.seed)
        case "random-uniform":
            return initializers.RandomUniform(minval=-0.05, maxval=0.05, seed=recipe.seed)
        case "glorot-uniform":
            return initializers.GlorotUniform(seed=recipe.seed)
        case unknown:
            raise ValueError(f"unknown initializer {unknown!r}")


def optimizer(recipe: Recipe) -> Any:
    """Return a fresh Keras optimiser with the recipe's learning rate."""
    config = {"learning_rate": recipe.learning_rate}
    serialized = {"class_name": recipe.optimizer, "config": config}
    return frameworks.keras().optimizers.deserialize(serialized)
