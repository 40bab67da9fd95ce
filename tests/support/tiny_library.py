"""A small library of two classes from four pixels, as the exporter makes it."""

from dataclasses import replace

import numpy as np

import runtimes
from edge_runtime.metadata import Metadata
from edgekit.convert.c.library import CLibrary, library
from edgekit.convert.metadata import attach

WEIGHTS = [[50, 100, -120, 0], [-50, 0, 90, -100]]


def tiny_library(
    name: str = "digits", *, dtype: str = "int8", labels: tuple[str, ...] = ("zero", "one")
) -> CLibrary:
    """Return the library of two classes, in int8 or float32."""
    weights = np.array(WEIGHTS, dtype)
    scales = {"int8": (((1 / 255,), (-128,)), ((0.01,), (0,)), ((1 / 32,), (-128,)))}
    given, own, made = scales.get(dtype, ((), (), ()))
    tensors = [
        runtimes.tensor("pixels", (1, 2, 2, 1), dtype, *given),
        runtimes.tensor("weights", (2, 4), dtype, *own, data=weights),
        runtimes.tensor("scores", (1, 2), dtype, *made),
    ]
    content = runtimes.model("FULLY_CONNECTED", None, tensors, [0, 1, -1])
    if labels:
        content = attach(content, Metadata(labels=labels, mean=(0.0,), std=(255.0,)))
    return library(content, f"model_{dtype}.tflite", name)


def sabotaged(made: CLibrary) -> CLibrary:
    """Return the library with one weight changed, where it is a plain one."""
    wrong = made.source.replace("50, 100, -120", "50, 10, -120").replace(
        "50.0, 100.0", "50.0, 10.0"
    )
    assert wrong != made.source
    return replace(made, source=wrong)
