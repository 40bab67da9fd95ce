"""A small classifier as other tools leave it: no metadata, any range of pixels, and its data."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import build

SIZE = (8, 8, 1)
STANDARDISED = (-1.074, 2.311)
"""What pixels 0 and 255 become when those of ``pixels(300, 1)`` get mean 0 and deviation 1."""

RANGES = {"0..1": (0.0, 1.0), "0..255": (0.0, 255.0), "-1..1": (-1.0, 1.0), "z": STANDARDISED}


def pixels(count: int, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return images [N, 8, 8, 1] that are bright on the left, on the right, or nowhere."""
    generator = np.random.default_rng(seed)
    classes = np.arange(count) % 3
    images = generator.integers(0, 60, (count, *SIZE))
    light = generator.integers(120, 190, (count, 8, 4, 1))
    for side, columns in enumerate((slice(None, 4), slice(4, None))):
        images[classes == side, :, columns] += light[classes == side]
    return images.astype(np.uint8), classes.astype(np.int64)


def write_data(path: Path) -> Path:
    """Write an .npz with 300 training images, a tenth of them mislabelled, and 90 test images.

    With the wrong labels there is such a thing as being too sure of an answer.
    """
    (x_train, y_train), (x_test, y_test) = pixels(300, 1), pixels(90, 2)
    y_train[::10] = (y_train[::10] + 1) % 3
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


def weights(low: float, high: float) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return kernel [3, 64] and bias [3] of logits of pixels that become ``low`` to ``high``."""
    side = np.zeros(SIZE)
    side[:, :4], side[:, 4:] = 0.15, -0.15
    kernel = np.stack([side.ravel(), -side.ravel(), np.zeros(64)])
    bias = np.array([0.0, 0.0, 1.2])
    return kernel / (high - low), bias - low * kernel.sum(axis=1) / (high - low)


def float_model(low: float, high: float, *, rescale: bool = False) -> bytes:
    """Return a float32 model; with ``rescale`` it takes 0 to 255 and divides by 255 itself."""
    return of_weights(*weights(*((0.0, 1.0) if rescale else (low, high))), rescale=rescale)


def of_weights(kernel: npt.NDArray[Any], bias: npt.NDArray[Any], *, rescale: bool = False) -> bytes:
    """Return the float32 model of kernel [3, 64] and bias [3]."""
    tensors = [
        build.tensor((1, *SIZE)),
        build.constant([1 / 255], "float32"),
        build.tensor((1, *SIZE)),
        build.constant([1, 64], "int32"),
        build.tensor((1, 64)),
        build.constant(kernel, "float32"),
        build.constant(bias, "float32"),
        build.tensor((1, 3)),
        build.tensor((1, 3)),
    ]
    nodes: list[build.Op] = [("MUL", [0, 1], 2, {})] if rescale else []
    nodes += [
        ("RESHAPE", [2 if rescale else 0, 3], 4, {}),
        ("FULLY_CONNECTED", [4, 5, 6], 7, {}),
        ("SOFTMAX", [7], 8, {"beta": 1.0}),
    ]
    return build.model(tensors, nodes)


def int8_model(low: float, high: float, dtype: str = "int8") -> bytes:
    """Return a model with int8 or uint8 input and output, as another converter leaves it."""
    kernel, bias = weights(low, high)
    scale, least = (high - low) / 255, np.iinfo(dtype).min
    zero_point = round(least - low / scale)
    of_weights = float(np.abs(kernel).max()) / 127
    product = scale * of_weights
    quantised = build.tensor((1, *SIZE), "int8", scale, zero_point - least - 128)
    tensors = [
        build.tensor((1, *SIZE), dtype, scale, zero_point),
        quantised,
        build.constant([1, 64], "int32"),
        build.tensor((1, 64), "int8", scale, zero_point - least - 128),
        build.constant(np.round(kernel / of_weights), "int8", of_weights),
        build.constant(np.round(bias / product), "int32", product),
        build.tensor((1, 3), "int8", 0.1, 0),
        build.tensor((1, 3), "int8", 1 / 256, -128),
        build.tensor((1, 3), dtype, 1 / 256, least),
    ]
    signed = dtype == "int8"
    nodes: list[build.Op] = [] if signed else [("QUANTIZE", [0], 1, {})]
    nodes += [
        ("RESHAPE", [0 if signed else 1, 2], 3, {}),
        ("FULLY_CONNECTED", [3, 4, 5], 6, {}),
        ("SOFTMAX", [6], 7, {"beta": 1.0}),
    ]
    nodes += [] if signed else [("QUANTIZE", [7], 8, {})]
    return build.model(tensors, nodes)


def regression(weights: npt.NDArray[np.float32]) -> bytes:
    """Return a float32 model of [N, F] whose output is the product with ``weights`` [F]."""
    features = len(weights)
    tensors = [
        build.tensor((1, features)),
        build.constant(weights[None], "float32"),
        build.constant([0.5], "float32"),
        build.tensor((1, 1)),
    ]
    return build.model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, {})])
