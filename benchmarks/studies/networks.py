"""The four architectures of MLPerf Tiny and two more, in Keras, with random weights.

Speed, size and exactness do not depend on what a network has learned. Sources: mlcommons/tiny,
benchmark/training, of which the four have the layers; Keras' "Simple MNIST convnet".
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import frameworks

FloatArray = npt.NDArray[np.float32]
CALIBRATION = 64
"""Random inputs that show the converter each activation's range."""


def keyword_spotting() -> Any:
    """Return a DS-CNN: spectrogram [49, 10, 1] to 12 words."""
    layers = _keras().layers
    image = layers.Input((49, 10, 1))
    x = _normalised(layers.Conv2D(64, (10, 4), strides=2, padding="same")(image))
    for _ in range(4):
        x = _separable(x, 64)
    x = layers.Flatten()(layers.AveragePooling2D((25, 5))(x))
    return _keras().Model(image, layers.Dense(12, activation="softmax")(x))


def image_classification() -> Any:
    """Return a ResNet of 8 layers: image [32, 32, 3] to 10 classes."""
    layers = _keras().layers
    image = layers.Input((32, 32, 3))
    x = _normalised(layers.Conv2D(16, 3, padding="same")(image))
    for filters, strides in (16, 1), (32, 2), (64, 2):
        y = _normalised(layers.Conv2D(filters, 3, strides=strides, padding="same")(x))
        y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
        if strides > 1:
            x = layers.Conv2D(filters, 1, strides=strides, padding="same")(x)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return _keras().Model(image, layers.Dense(10, activation="softmax")(x))


def visual_wake_words() -> Any:
    """Return a MobileNet v1 of width 0.25: image [96, 96, 3] to person or not."""
    layers = _keras().layers
    image = layers.Input((96, 96, 3))
    x = _normalised(layers.Conv2D(8, 3, strides=2, padding="same")(image))
    blocks = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5]
    for filters, strides in [*blocks, (256, 2), (256, 1)]:
        x = _separable(x, filters, strides)
    x = layers.Flatten()(layers.AveragePooling2D(3)(x))
    return _keras().Model(image, layers.Dense(2, activation="softmax")(x))


def anomaly_detection() -> Any:
    """Return an autoencoder of 640 numbers."""
    layers = _keras().layers
    numbers = x = layers.Input((640,))
    for units in (*[128] * 4, 8, *[128] * 4):
        x = _normalised(layers.Dense(units)(x))
    return _keras().Model(numbers, layers.Dense(640)(x))


def digits() -> Any:
    """Return a convolutional network: image [28, 28, 1] to 10 digits."""
    layers = _keras().layers
    x = image = layers.Input((28, 28, 1))
    for filters in 32, 64:
        x = layers.MaxPooling2D(2)(layers.Conv2D(filters, 3, activation="relu")(x))
    x = layers.Flatten()(x)
    return _keras().Model(image, layers.Dense(10, activation="softmax")(x))


def activity() -> Any:
    """Return a one-dimensional network: window of nine sensors [128, 9] to 6 activities.

    It has convolutions with strides and dilation, a causal one, pools.
    """
    layers = _keras().layers
    window = layers.Input((128, 9))
    x = layers.Conv1D(16, 5, strides=2, padding="same", activation="relu")(window)
    x = layers.Conv1D(16, 3, dilation_rate=3, activation="relu6")(x)
    x = layers.MaxPooling1D(2)(x)
    x = layers.Conv1D(24, 4, padding="causal")(x)
    x = layers.SeparableConv1D(24, 3)(x)
    x = layers.GlobalAveragePooling1D()(x)
    return _keras().Model(window, layers.Dense(6, activation="softmax")(x))


MLPERF_TINY: dict[str, Callable[[], Any]] = {
    "kws": keyword_spotting,
    "resnet": image_classification,
    "vww": visual_wake_words,
    "ad": anomaly_detection,
}
"""Networks by the field's short names."""

NETWORKS = MLPERF_TINY | {"digits": digits, "activity": activity}

SCHEMES = ("int8", "float32")
"""Number formats in which the networks are measured."""


def randomised(build: Callable[[], Any], seed: int = 0) -> tuple[Any, FloatArray]:
    """Return a Keras model with random weights, and inputs for its calibration.

    Args:
        build: returns a model of one input.
        seed: of weights, statistics of the normalisations and inputs.
    """
    _keras().utils.set_random_seed(seed)
    # Keras numbers the layers of a process, and the converter orders branches by their names.
    _keras().backend.clear_session()
    model = build()
    rng = np.random.default_rng(seed)
    for layer in _flat(model):
        if isinstance(layer, _keras().layers.BatchNormalization):
            shape = layer.gamma.shape
            near_one = [rng.uniform(0.5, 1.5, shape) for _ in range(2)]
            near_zero = [rng.normal(0, 0.2, shape) for _ in range(2)]
            layer.set_weights([near_one[0], near_zero[0], near_zero[1], near_one[1]])
    inputs = rng.normal(size=(CALIBRATION, *model.input_shape[1:])).astype(np.float32)
    return model, inputs


def converted(build: Callable[[], Any], scheme: str, folder: Path) -> bytes:
    """Return a network as a .tflite file, by `edgekit convert` in a process of its own.

    Args:
        build: returns a model of one input.
        scheme: number format, "float32" or one of ``--scheme``.
        folder: where the files are written.

    Raises:
        CalledProcessError: the command failed; it has said why.
    """
    model, inputs = randomised(build)
    model.save(folder / "network.keras")
    np.save(folder / "calibration.npy", inputs)
    command = [sys.executable, "-m", "edgekit", "convert", "-q", str(folder / "network.keras")]
    if scheme != "float32":
        command += ["--scheme", scheme, "--calibration", str(folder / "calibration.npy")]
    output = folder / f"network_{scheme}.tflite"
    command += ["--output", str(output)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return output.read_bytes()


def converted_networks() -> Iterator[Path]:
    """Yield a .tflite file of each network in each number format, there until all are yielded.

    Raises:
        CalledProcessError: a conversion failed; it has said why.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        for name, build in NETWORKS.items():
            for scheme in SCHEMES:
                path = Path(folder) / f"{name}_{scheme}.tflite"
                path.write_bytes(converted(build, scheme, path.parent))
                yield path


def _keras() -> Any:
    return frameworks.keras()


def _normalised(x: Any) -> Any:
    layers = _keras().layers
    return layers.ReLU()(layers.BatchNormalization()(x))


def _separable(x: Any, filters: int, strides: int = 1) -> Any:
    """Return a depthwise and a pointwise convolution."""
    layers = _keras().layers
    x = _normalised(layers.DepthwiseConv2D(3, strides=strides, padding="same")(x))
    return _normalised(layers.Conv2D(filters, 1)(x))


def _flat(model: Any) -> list[Any]:
    """Return all layers, those of nested models too."""
    return [
        inner
        for layer in model.layers
        for inner in (_flat(layer) if hasattr(layer, "layers") else [layer])
    ]
