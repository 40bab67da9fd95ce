"""Runs a .tflite classifier on a device, without TensorFlow.

    from edge_runtime import load

    model = load("model_int8.tflite")
    model.classify("seven.png")  # path, PIL image or array -> Prediction
    model.predict(batch)         # images [N, ...] -> float32 scores [N, classes]
    model.predict(numbers)       # one input, a flat list or buffer -> tuple of scores, no NumPy
    model.run(tensor)            # raw tensor in, raw tensor out

Importing this loads the standard library only; a backend loads what it needs when it is opened.
"""

from os.path import join

from edge_runtime.errors import (
    BackendError,
    EdgeRuntimeError,
    InputError,
    MetadataError,
    MissingPackageError,
    ModelError,
)
from edge_runtime.loading import load
from edge_runtime.session import Model, Prediction

# In a wheel, modules that are seldom used lie there: see setup.py.
__path__.append(join(__path__[0], "seldom.zip"))  # noqa: PTH118 (pathlib takes 8 ms to import)

__all__ = [
    "BackendError",
    "EdgeRuntimeError",
    "InputError",
    "MetadataError",
    "MissingPackageError",
    "Model",
    "ModelError",
    "Prediction",
    "load",
]
