"""Convolutional and recurrent Keras models in every scheme: native has LiteRT's bytes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_runtime
from edge_runtime.reader import read
from edgekit import frameworks
from edgekit.benchmarks.resolvers import open_litert
from edgekit.benchmarks.tensors import parts, random_inputs
from edgekit.convert import source
from edgekit.convert.conversion import SCHEMES, Conversion
from edgekit.convert.source import TrainedModel
from edgekit.convert.tflite import to_tflite

Files = Callable[[str], TrainedModel]


def cnn(layers: Any) -> Any:
    """A nested model with augmentation, rescaling, normalisation, separable and wide kernels."""
    keras = frameworks.keras()
    augmentation = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1)])
    block = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            layers.SeparableConv2D(6, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    )
    image = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 127.5, -1)(augmentation(image))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, strides=2, padding="same")(x))
    x = layers.Dropout(0.2)(layers.MaxPooling2D()(block(layers.ReLU()(x))))
    scores = layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, scores)


def conv_1d(layers: Any) -> Any:
    x = image = frameworks.keras().Input((32, 9))
    x = layers.MaxPooling1D()(layers.Conv1D(8, 5, padding="same", activation="relu")(x))
    x = layers.GlobalAveragePooling1D()(layers.Conv1D(6, 3, activation="relu")(x))
    return frameworks.keras().Model(image, layers.Dense(4, activation="softmax")(x))


def transposed(layers: Any) -> Any:
    image = frameworks.keras().Input((8, 8, 2))
    x = layers.MaxPooling2D()(layers.Conv2D(4, 3, padding="same", activation="relu")(image))
    x = layers.Conv2DTranspose(2, 3, strides=2, padding="same", activation="sigmoid")(x)
    return frameworks.keras().Model(image, x)


def lstm(layers: Any) -> Any:
    sequence = frameworks.keras().Input((7, 10))
    return frameworks.keras().Model(sequence, layers.Dense(3)(layers.LSTM(6)(sequence)))


def gru(layers: Any) -> Any:
    sequence = frameworks.keras().Input((6, 5))
    return frameworks.keras().Model(sequence, layers.Dense(3)(layers.GRU(4)(sequence)))


def two_inputs(layers: Any) -> Any:
    """Names in the file and in Keras' order, which is neither that of the alphabet."""
    image = frameworks.keras().Input((8, 8, 1), name="image")
    facts = frameworks.keras().Input((4,), name="facts")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(image))
    x = layers.Dense(8, activation="relu")(layers.Concatenate()([x, facts]))
    kind = layers.Dense(3, activation="softmax", name="kind")(x)
    return frameworks.keras().Model([image, facts], [kind, layers.Dense(4, name="box")(x)])


BUILD = (cnn, conv_1d, transposed, lstm, gru, two_inputs)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Files:
    opened: dict[str, TrainedModel] = {}

    def get(name: str) -> TrainedModel:
        if name not in opened:
            keras = frameworks.keras()
            keras.utils.set_random_seed(1)
            path = tmp_path_factory.mktemp("networks") / f"{name}.keras"
            next(build for build in BUILD if build.__name__ == name)(keras.layers).save(path)
            opened[name] = source.load(path)
        return opened[name]

    return get


def inputs_of(model: TrainedModel, count: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(3)
    scale = 100 if model.shape[-1] == 3 else 1  # pixels
    return tuple(
        (scale * rng.normal(size=(count, *shape))).astype(np.float32) for shape in model.shapes
    )


@pytest.mark.parametrize("scheme", ["float32", *SCHEMES])
@pytest.mark.parametrize("name", [build.__name__ for build in BUILD])
def test_native_has_the_bytes_of_litert(
    name: str, scheme: str, trained: Files, tmp_path: Path
) -> None:
    model, path = trained(name), tmp_path / "model.tflite"
    conversion = Conversion(scheme)
    inputs = inputs_of(model, 24) if conversion.calibrated else None
    path.write_bytes(to_tflite(model, conversion, inputs))
    native, litert = edge_runtime.load(path), open_litert(path, "BUILTIN_REF")
    assert len(native.inputs) == len(model.input_specs)
    for row in range(20):
        drawn = random_inputs(20, tuple(native.inputs.values()))
        raw = tuple(array[row : row + 1] for array in parts(drawn))
        given = raw if len(raw) > 1 else raw[0]
        for ours, theirs in zip(parts(native.run(given)), parts(litert.run(given)), strict=True):
            assert ours.dtype == theirs.dtype
            if ours.dtype == np.float32:
                np.testing.assert_allclose(ours, theirs, atol=1e-4)
            else:
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", [build.__name__ for build in BUILD])
def test_float_computes_what_keras_computes(name: str, trained: Files, tmp_path: Path) -> None:
    model, path = trained(name), tmp_path / "model.tflite"
    path.write_bytes(to_tflite(model, Conversion()))
    inputs, native = inputs_of(model, 5), edge_runtime.load(path)
    given = inputs if len(inputs) > 1 else inputs[0]
    for ours, keras in zip(parts(native.run(given)), model.run(inputs), strict=True):
        np.testing.assert_allclose(ours, keras, atol=1e-4)


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_a_recurrent_layer_is_unrolled(library: str, tmp_path: Path) -> None:
    keras = getattr(frameworks, library)()
    sequence = keras.Input((5, 3))
    x = keras.layers.Bidirectional(keras.layers.LSTM(2, return_sequences=True))(sequence)
    x = keras.layers.SimpleRNN(2, return_sequences=True)(x)
    model = keras.Model(sequence, keras.layers.GRU(2)(x))
    inputs = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    expected = model.predict(inputs, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = source.load(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(inputs), expected, atol=1e-6)
    assert loaded.note.count("(5 steps)") == 4
    assert read(to_tflite(loaded, Conversion())).subgraphs == 1


def test_a_long_or_stateful_layer_stays_a_loop(tmp_path: Path) -> None:
    keras = frameworks.keras()
    for layer, shape in (
        (keras.layers.LSTM(2), (300, 1)),
        (keras.layers.LSTM(2, stateful=True), (5, 1)),
    ):
        sequence = keras.Input(shape, batch_size=1)
        keras.Model(sequence, layer(sequence)).save(tmp_path / "model.keras")
        assert source.load(tmp_path / "model.keras").note == ""
