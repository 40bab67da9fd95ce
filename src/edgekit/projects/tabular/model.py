"""A small dense network for the rows of a table."""

import keras
from keras import layers


def build(shape: tuple[int, ...], classes: int) -> keras.Model:
    """Return the network for rows of ``shape`` (features,)."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Dense(24, activation="relu"),
            layers.Dense(12, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )
