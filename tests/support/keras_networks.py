"""Networks of Keras with random weights as .tflite files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgekit.benchmarks.studies import networks
from edgekit.convert import source
from edgekit.convert.conversion import Conversion
from edgekit.convert.tflite import to_tflite


def converted(build: Callable[[], Any], scheme: str, folder: Path, seed: int = 0) -> bytes:
    """Return a network as a .tflite file.

    Args:
        build: returns a Keras model of one input and one output.
        scheme: number format, as of ``Conversion``.
        folder: where the Keras model is saved.
        seed: of ``networks.randomised``.
    """
    model, inputs = networks.randomised(build, seed)
    path = folder / "network.keras"
    model.save(path)
    conversion = Conversion(scheme=scheme)
    calibration = inputs if conversion.calibrated else None
    return to_tflite(source.load(path), conversion, calibration)
