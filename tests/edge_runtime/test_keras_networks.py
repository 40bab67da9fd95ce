"""Networks built in Keras with random weights: the bytes of LiteRT on random inputs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import keras_networks
import made_once
import runtimes
from edgekit import frameworks
from edgekit.benchmarks.studies import networks

pytestmark = [pytest.mark.tensorflow, pytest.mark.unsanitized]

INPUTS = 100
WITHIN = 1e-5
"""Of the largest output of a float32 network: sums have another order than LiteRT's."""


def recurrent(layer: Callable[[Any], Any]) -> Callable[[], Any]:
    """A spectrogram through recurrent layers, most of which become loops."""

    def build() -> Any:
        layers = frameworks.keras().layers
        spectrogram = layers.Input((8, 10))
        x = layer(layers)(spectrogram)
        return frameworks.keras().Model(spectrogram, layers.Dense(4, activation="softmax")(x))

    return build


RECURRENT: dict[str, Callable[[], Any]] = {
    "LSTM": recurrent(lambda layers: layers.LSTM(12)),
    "LSTM, a sequence": recurrent(lambda layers: layers.LSTM(12, return_sequences=True)),
    "LSTM, masked": recurrent(lambda layers: lambda x: layers.LSTM(6)(layers.Masking()(x))),
    "GRU": recurrent(lambda layers: layers.GRU(12)),
    "GRU, backwards": recurrent(
        lambda layers: layers.GRU(7, go_backwards=True, return_sequences=True)
    ),
    "GRU, as at first": recurrent(lambda layers: layers.GRU(12, reset_after=False)),
    "SimpleRNN": recurrent(lambda layers: layers.SimpleRNN(12)),
    "bidirectional": recurrent(
        lambda layers: layers.Bidirectional(layers.LSTM(5, return_sequences=True))
    ),
    "RNN of cells": recurrent(
        lambda layers: layers.RNN([layers.LSTMCell(8), layers.GRUCell(6)], return_sequences=True)
    ),
}


def branching() -> Any:
    """An inception block, sums, products, squeeze and excitation."""
    layers = frameworks.keras().layers
    image = layers.Input((15, 17, 3))
    stem = layers.Conv2D(12, 3, strides=2, activation="relu")(image)
    branches = [
        layers.Conv2D(8, 1, activation="relu")(stem),
        layers.Conv2D(8, (1, 5), padding="same", activation="hard_silu")(stem),
        layers.MaxPooling2D(3, strides=1, padding="same")(stem),
        layers.AveragePooling2D(3, strides=1, padding="same")(stem),
    ]
    x = layers.Concatenate()(branches)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Multiply()([x, layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(squeezed)])
    x = layers.ZeroPadding2D(((1, 0), (2, 1)))(x)
    x = layers.Conv2D(10, 3, groups=2, activation="gelu")(x)
    x = layers.Add()([x, layers.LeakyReLU()(x)])
    x = layers.BatchNormalization()(layers.GlobalMaxPooling2D()(x))
    return frameworks.keras().Model(image, layers.Dense(5)(x))


def u_shaped() -> Any:
    """Down, up by a transposed convolution and by interpolation, with skipped connections."""
    layers = frameworks.keras().layers
    image = layers.Input((16, 16, 1))
    first = layers.Conv2D(6, 3, padding="same", activation="relu")(image)
    second = layers.Conv2D(10, 3, strides=2, padding="same", activation="relu")(first)
    third = layers.Conv2D(12, 3, strides=2, padding="same", activation="relu")(second)
    x = layers.Conv2DTranspose(10, 3, strides=2, padding="same", activation="relu")(third)
    x = layers.Conv2D(8, 3, padding="same", activation="tanh")(layers.Concatenate()([x, second]))
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.Concatenate()([x, layers.Resizing(16, 16, interpolation="nearest")(third), first])
    x = layers.Conv2D(1, 1, activation="sigmoid")(x)
    return frameworks.keras().Model(image, x)


def depth_multiplied() -> Any:
    """Depthwise convolutions of several outputs a channel, of one channel, long and dilated."""
    layers = frameworks.keras().layers
    image = layers.Input((40, 9, 1))
    x = layers.DepthwiseConv2D((31, 1), depth_multiplier=6, activation="relu")(image)
    x = layers.DepthwiseConv2D(3, dilation_rate=2, padding="same", depth_multiplier=2)(x)
    x = layers.PReLU(shared_axes=[1, 2])(layers.BatchNormalization()(x))
    x = layers.SeparableConv2D(16, 3, strides=2, depth_multiplier=3, activation="relu")(x)
    return frameworks.keras().Model(image, layers.Dense(3)(layers.Flatten()(x)))


BUILT: dict[str, Callable[[], Any]] = {
    **networks.NETWORKS,
    "recurrent, unrolled": recurrent(lambda layers: layers.LSTM(12, unroll=True)),
    "branching": branching,
    "U-shaped": u_shaped,
    "depth-multiplied": depth_multiplied,
}
CASES = [(name, scheme) for name in BUILT for scheme in ("float32", "int8")]
CASES += [(name, "int16x8") for name in ("kws", "activity", "U-shaped")]
CASES += [(name, "dynamic") for name in ("kws", "branching", "depth-multiplied")]
CASES += [("branching", "float16")]
# The converter's calibration for int8 does not survive a WHILE.
CASES += [(name, scheme) for name in RECURRENT for scheme in ("float32", "dynamic")]
BUILT |= RECURRENT


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], bytes]:
    """Return a function of a network and a number format, which returns the .tflite file."""

    def content(name: str, scheme: str) -> bytes:
        def make(folder: Path) -> None:
            data = keras_networks.converted(BUILT[name], scheme, folder)
            (folder / "model.tflite").write_bytes(data)

        folder = made_once.folder(tmp_path_factory, f"keras {name} {scheme}", make)
        return (folder / "model.tflite").read_bytes()

    return content


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_networks_have_the_bytes_of_litert(
    name: str, scheme: str, converted: Callable[[str, str], bytes]
) -> None:
    data = converted(name, scheme)
    expected, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    reference, native = engines.pop("reference"), engines.pop(f"native {runtimes.INSTRUCTIONS[0]}")
    rng = np.random.default_rng(1)
    tensor = native.input
    for number in range(INPUTS):
        x = runtimes.drawn(rng, tensor.dtype, tensor.shape)
        value = expected(x)
        answer = native.run(x)
        if value.dtype == np.float32:
            most = WITHIN * float(np.abs(value).max())
            np.testing.assert_allclose(answer, value, rtol=0, atol=most)
        else:
            np.testing.assert_array_equal(answer, value)
        if number < 2:
            for engine in (reference, *engines.values()):
                assert np.asarray(engine.run(x)).tobytes() == answer.tobytes()
