"""A small convolutional network over windows of time: about 2,000 parameters."""

import keras
from keras import layers


def build(shape: tuple[int, ...], classes: int) -> keras.Model:
    """Return the network for windows of ``shape`` (time steps, sensors)."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv1D(12, 9, strides=3, padding="same", activation="relu"),
            layers.Conv1D(16, 7, strides=3, padding="same", activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(classes, activation="softmax"),
        ]
    )
