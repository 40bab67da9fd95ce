"""A small autoencoder: what it cannot rebuild is unlike all that it was trained on."""

import keras
from keras import layers


def build(shape: tuple[int, ...], _classes: int) -> keras.Model:
    """Return the network for rows of ``shape`` (features,), which it rebuilds."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Dense(16, activation="relu"),
            layers.Dense(4, activation="relu"),
            layers.Dense(16, activation="relu"),
            layers.Dense(shape[0]),
        ]
    )
