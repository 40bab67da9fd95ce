"""Test inputs in a form that reports draw: pictures, spectrograms, curves, values of features."""

import base64
import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from edgekit.train.dataset import Dataset

WORST = 12
"""Most inputs with wrong labels, or with numbers far from their targets, that a result contains."""

MOST_POINTS = 128
"""Most points of a curve; of a longer one, evenly spread ones are taken."""

MOST_CURVES = 16
"""Most curves of an input; of more channels, none is drawn."""

MOST_VALUES = 8
"""Most features whose values are named."""

QUIET, MIDDLE, LOUD = "#10163a", "#b5367a", "#fcfdbf"
"""Colours of a spectrogram, those of matplotlib's magma or near them."""


def shown(dataset: Dataset, index: int) -> dict[str, Any]:
    """Return a test input as plain JSON values, empty if there is no form for its shape.

    Either "png", a picture or a spectrogram in base64 (time to the right, high bands at the top);
    or "curves", a list of numbers for each channel of a window; or "values", pairs of a feature's
    name and its number, with "more", the number of features that are left out.
    """
    one = dataset.x_test[index]
    if dataset.pixels:
        shape = one.shape if one.ndim == 3 else (*one.shape, 1)
        if len(shape) != 3 or shape[2] not in (1, 3):
            return {}
        image = one.reshape(shape)
        return {"png": spectrogram(image) if dataset.audio else png(image)}
    if dataset.features and one.ndim == 1:
        named = zip(dataset.features[:MOST_VALUES], one.tolist(), strict=False)
        values = [[name, _short(value)] for name, value in named]
        return {"values": values, "more": len(one) - len(values)}
    channels = one.reshape(len(one), -1)
    if channels.shape[1] > MOST_CURVES or len(channels) < 2:
        return {}
    rows = np.linspace(0, len(channels) - 1, min(len(channels), MOST_POINTS)).round().astype(int)
    return {"curves": [[_short(value) for value in curve] for curve in channels[rows].T.tolist()]}


def png(image: npt.NDArray[np.uint8]) -> str:
    """Encode an image uint8 [H, W, 1 or 3] as a base64 PNG."""
    return _encoded(Image.fromarray(image.squeeze(axis=2) if image.shape[2] == 1 else image))


def spectrogram(features: npt.NDArray[np.uint8]) -> str:
    """Encode features of sound, uint8 [frames, bands, 1], as a base64 PNG in colours."""
    upright = np.ascontiguousarray(features.squeeze(axis=2).T[::-1])
    return _encoded(ImageOps.colorize(Image.fromarray(upright), QUIET, LOUD, MIDDLE))


def _encoded(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _short(value: float) -> float:
    """Return a number with four significant digits."""
    return float(f"{value:.4g}")
