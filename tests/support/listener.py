"""A small model that hears: two words from a front end's features."""

import numpy as np

import build
from edge_runtime.front_end import Audio
from edge_runtime.metadata import Metadata
from edgekit.convert.metadata import attach

EARS = Audio(samples=720, window=64, hop=59, fft=256, bands=4)
"""A front end of 12 frames of 4 bands, whose hops are as good as its windows."""

SCALES = {"int8": (1 / 255, -128), "int16": (1 / 128, 0), "float32": ()}


def model(audio: Audio | None = EARS, dtype: str = "int8") -> bytes:
    """Return a file of two classes, yes and no, that carries its front end if it has one."""
    shape = (1, *(audio or EARS).shape)
    count = shape[1] * shape[2]
    numbers = np.random.default_rng(3).integers(-127, 128, (2, count))
    floats = dtype == "float32"
    weights = build.constant(
        numbers, dtype if floats else "int8", 0.0 if floats else 0.01, name="weights"
    )
    tensors = [
        build.tensor(shape, dtype, *SCALES[dtype], name="features"),
        weights,
        build.tensor((1, 2), dtype, *(() if floats else (1 / 8, 0)), name="scores"),
    ]
    content = build.model(tensors, [("FULLY_CONNECTED", [0, 1, -1], 2, {})])
    metadata = Metadata(("yes", "no"), mean=(0.0,), std=(255.0,), meaning="logits", audio=audio)
    return attach(content, metadata)
