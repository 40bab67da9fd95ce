"""A small library of two classes from four pixels, from the exporter."""

from dataclasses import replace

import numpy as np

import build
from edge_runtime.meaning import ANOMALY, NUMBERS
from edge_runtime.metadata import Metadata
from edgekit.convert.c.library import CLibrary, library
from edgekit.convert.metadata import attach

WEIGHTS = [[50, 100, -120, 0], [-50, 0, 90, -100]]


def tiny_model(dtype: str = "int8", labels: tuple[str, ...] = ("zero", "one")) -> bytes:
    """Return a file of two classes, in int8 or float32."""
    weights = np.array(WEIGHTS, dtype)
    whole = dtype == "int8"
    pixels, scores = ((1 / 255, -128), (1 / 32, -128)) if whole else ((), ())
    tensors = [
        build.tensor((1, 2, 2, 1), dtype, *pixels, name="pixels"),
        build.constant(weights, dtype, 0.01 if whole else 0.0, name="weights"),
        build.tensor((1, 2), dtype, *scores, name="scores"),
    ]
    content = build.model(tensors, [("FULLY_CONNECTED", [0, 1, -1], 2, {})])
    if labels:
        content = attach(content, Metadata(labels=labels, mean=(0.0,), std=(255.0,)))
    return content


def tiny_library(
    name: str = "digits", *, dtype: str = "int8", labels: tuple[str, ...] = ("zero", "one")
) -> CLibrary:
    """Return the library of two classes, in int8 or float32."""
    return library(tiny_model(dtype, labels), f"model_{dtype}.tflite", name)


def tiny_detector(name: str = "digits", *, dtype: str = "int8") -> CLibrary:
    """Return the library of an anomaly detector of two numbers, in int8 or float32."""
    scale = (0.1, 3) if dtype == "int8" else ()
    tensors = [
        build.tensor((1, 2), dtype, *scale, name="numbers"),
        build.constant(np.array([[90, 10], [0, 80]], dtype), dtype, 0.01 if scale else 0.0),
        build.tensor((1, 2), dtype, *scale, name="rebuilt"),
    ]
    content = build.model(tensors, [("FULLY_CONNECTED", [0, 1, -1], 2, {})])
    detector = Metadata(meaning=NUMBERS, task=ANOMALY, threshold=0.5)
    return library(attach(content, detector), f"detector_{dtype}.tflite", name)


def sabotaged(original: CLibrary) -> CLibrary:
    """Return the library with one weight changed; its weights must not be packed."""
    wrong = original.source.replace("50, 100, -120", "50, 10, -120").replace(
        "50.0, 100.0", "50.0, 10.0"
    )
    assert wrong != original.source
    return replace(original, source=wrong)
