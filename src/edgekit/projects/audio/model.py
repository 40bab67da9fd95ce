"""A small keyword spotter: a depthwise separable network on log-mel features."""

import keras
from keras import layers


def build(shape: tuple[int, ...], classes: int) -> keras.Model:
    """Return the network for features of ``shape`` (frames, bands, 1)."""
    convolutions = [layers.Conv2D(16, (10, 6), strides=2, padding="same", use_bias=False)]
    for _ in range(2):
        convolutions += [layers.DepthwiseConv2D(3, padding="same", use_bias=False)]
        convolutions += [layers.Conv2D(16, 1, use_bias=False)]
    steps = [keras.Input(shape)]
    for convolution in convolutions:
        steps += [convolution, layers.BatchNormalization(momentum=0.9), layers.ReLU()]
    steps += [layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="softmax")]
    return keras.Sequential(steps)
