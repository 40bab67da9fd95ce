"""Makes the models of this folder, and golden.json, which says what edgekit reads in them.

By hand, in the environment of the tests: PYTHONPATH=tests/support python tests/golden/make.py
The same versions on the same machine give the same bytes; TensorFlow may round a weight another way
on another processor.
"""

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from edgekit.convert.recipe import Recipe

import golden
from edge_runtime.metadata import read_metadata
from edge_runtime.reader import read
from edgekit import cli, frameworks
from edgekit.convert import source
from edgekit.convert.metadata import attach
from edgekit.convert.tflite import to_tflite


def digits(folder: Path, hidden: int, output: Path, *options: str) -> None:
    """Train 784-hidden-2 on the synthetic digits, and convert it with labels and provenance."""
    train = ["train", "--data", "synthetic", "--epochs", "5", "--hidden", str(hidden)]
    convert = ["convert", *options, "-o", str(folder / "model.tflite")]
    for command in train, convert:
        if cli.run([*command, "--artifacts", str(folder), "--quiet"]):
            raise SystemExit(f"edgekit {' '.join(command)}: failed")
    content = (folder / "model.tflite").read_bytes()
    metadata = read_metadata(read(content), content)
    # The digest of model.keras differs from run to run: its zip archive has the time in it.
    del metadata.provenance["model"]["sha256"]
    output.write_bytes(attach(content, metadata))


def table(folder: Path) -> None:
    """12-16-5 with softmax in int8 and in int16, with a scale for each row of weights."""
    layers = frameworks.keras().layers
    model = sequential(
        (1, 12),
        layers.Dense(16, activation="relu", bias_initializer="random_normal"),
        layers.Dense(5, activation="softmax", bias_initializer="random_normal"),
    )
    model.save(folder / "table.keras")
    trained = source.load(folder / "table.keras")
    inputs = np.random.default_rng(5).normal(0, 2, (64, 12)).astype(np.float32)
    golden.TABLE_INT8.write_bytes(to_tflite(trained, Recipe(scheme="int8"), inputs))
    golden.TABLE_INT16.write_bytes(to_tflite(trained, Recipe(scheme="int16x8"), inputs))


def dynamic() -> None:
    """784-2-2 in float32, the way TensorFlow alone converts it: the batch is left open."""
    layers = frameworks.keras().layers
    model = sequential(
        (None, 28, 28, 1),
        layers.Flatten(),
        layers.Dense(2, activation="relu"),
        layers.Dense(2, activation="sigmoid"),
    )
    golden.DYNAMIC.write_bytes(converter(model).convert())


def convolutional() -> None:
    """Convolutions of every kind, quantised with float in- and output, batch 1."""
    layers = frameworks.keras().layers
    model = sequential(
        (1, 8, 8, 3),
        layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.Conv2DTranspose(2, 2, strides=2),
        layers.GlobalAveragePooling2D(),
        layers.Dense(5, activation="softmax"),
    )
    quantising = converter(model)
    quantising.optimizations = [frameworks.tensorflow().lite.Optimize.DEFAULT]
    images = np.random.default_rng(1).random((8, 1, 8, 8, 3), np.float32)
    quantising.representative_dataset = lambda: ([image] for image in images)
    golden.CONVOLUTIONAL.write_bytes(quantising.convert())


def sequential(shape: tuple[int | None, ...], *layers: Any) -> Any:
    """Return a Keras model of these layers, batch first in its input's shape."""
    keras = frameworks.keras()
    return keras.Sequential([keras.Input(batch_shape=shape), *layers])


def converter(model: Any) -> Any:
    """Return TensorFlow's converter of a Keras model."""
    return frameworks.tensorflow().lite.TFLiteConverter.from_keras_model(model)


def main() -> None:
    """Write all files and their record."""
    frameworks.keras().utils.set_random_seed(1)
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings(action="ignore"):
        folder = Path(name)
        digits(folder, 4, golden.FLOAT)
        digits(folder, 14, golden.INT8, "--scheme", "int8")
        table(folder)
        dynamic()
        convolutional()
    record = {path.name: golden.describe(path) for path in golden.FILES}
    golden.RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
