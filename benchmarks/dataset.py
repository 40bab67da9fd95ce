"""Which test images a model is measured on: those of the data it was trained on."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import EdgeRuntimeError, ModelError
from edge_runtime.meaning import of_graph
from edge_runtime.metadata import Metadata, read_metadata
from edge_runtime.quantize import normalise
from edge_runtime.reader import read
from edgekit.errors import DataError
from edgekit.train import data
from edgekit.train.data import Dataset, Images

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Trained:
    """What a model file says about its answers.

    Attributes:
        source: what ``edgekit.train.data.load`` takes; None when neither the file nor the
            conversion's report beside it says.
        data_name: name of the data; "" when the file does not say.
        labels: the classes in the order of the scores; empty when the file does not say.
        shape: height, width and channels of the images.
        size: shape of the model's input without the batch.
        classes: how many classes the model's scores tell apart.
        mean: of the normalisation ``(pixel - mean) / std``; empty when the file does not say.
        std: of the same.
        meaning: of the output, one of ``edge_runtime.meaning.MEANINGS``.
    """

    source: str | None
    data_name: str
    labels: tuple[str, ...]
    shape: tuple[int, int, int]
    size: tuple[int, ...]
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    meaning: str


def for_models(
    models: Sequence[Path], source: str | None = None, classes: tuple[str, ...] | None = None
) -> Dataset:
    """Load the dataset whose test images fit all ``models``.

    Args:
        models: .tflite files.
        source: what ``edgekit.train.data.load`` takes; None for what the models were trained on,
            MNIST where they do not say.
        classes: class names in the order of the scores; None for what the models say.

    Raises:
        ModelError: a file is not a .tflite classifier.
        DataError: the data cannot be had, or a model does not fit it or its companions.
    """
    trained = {path: _trained(path) for path in models}
    if source is None:
        for path, one in trained.items():
            if one.source is None and one.data_name:
                raise DataError(
                    f"{path}: was trained on {one.data_name!r}, and only its "
                    f"{_report(path).name} knew where that is: give it with --data"
                )
        named = {path: one.source for path, one in trained.items() if one.source}
        if len(set(named.values())) > 1:
            parts = " and ".join(f"{path.name} on {one}" for path, one in named.items())
            raise DataError(f"the models were trained on different data, {parts}: name one --data")
        source = next(iter(named.values()), "mnist")
    if classes is None:
        classes = next((one.labels for one in trained.values() if one.labels), None)
    shapes = {one.shape for one in trained.values()}
    if len(shapes) > 1:
        raise DataError("the models take images of different sizes: bench each size by itself")
    dataset = data.load(source, classes, shapes.pop())
    for path, one in trained.items():
        _require_fit(path, one, dataset)
    return dataset


def scaling(models: Sequence[Path]) -> Callable[[Images], Floats]:
    """Return how pixels become the inputs of the Keras model that ``models`` come from.

    Raises:
        ModelError: a file is not a .tflite classifier.
    """
    every = [_trained(path) for path in models]
    trained = next((one for one in every if one.mean), every[0])
    # A file without a normalisation gets what train feeds to its model.
    mean, std = trained.mean or (0.0,), trained.std or (255.0,)
    return lambda images: normalise(images, mean, std).reshape(-1, *trained.size)


def meaning(models: Sequence[Path]) -> str:
    """Return what the outputs of ``models`` mean, which come from one Keras model.

    Raises:
        ModelError: a file is not a .tflite classifier.
    """
    return _trained(models[0]).meaning


def describe(dataset: Dataset) -> dict[str, Any]:
    """Return what a result says about the images it was measured on."""
    return {
        "name": dataset.name,
        "sha256": dataset.sha256,
        "synthetic": dataset.source == "synthetic",
        "labels": list(dataset.labels),
        "images": len(dataset.x_test),
    }


def _trained(path: Path) -> Trained:
    content = path.read_bytes()
    try:
        graph = read(content)
        metadata = read_metadata(graph, content)
    except EdgeRuntimeError as error:
        raise ModelError(f"{path}: {error}") from None
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        counts = f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
        raise ModelError(f"{path}: a classifier has one input and one output, this has {counts}")
    batch, *size = graph.tensors[graph.inputs[0]].shape
    if batch != 1:
        raise ModelError(f"{path}: takes {batch} images at once, bench times one: convert it anew")
    shape = data.image_shape(tuple(size), str(path))
    classes = max(2, graph.tensors[graph.outputs[0]].shape[-1])
    metadata = metadata or Metadata()
    origin = metadata.provenance.get("data")
    origin = origin if isinstance(origin, dict) else {}
    return Trained(
        source=origin.get("source") or _reported_source(path, content),
        data_name=str(origin.get("name", "")),
        labels=metadata.labels,
        shape=shape,
        size=tuple(size),
        classes=classes,
        mean=metadata.mean,
        std=metadata.std,
        meaning=metadata.meaning or of_graph(graph, metadata.labels),
    )


def _reported_source(path: Path, content: bytes) -> str | None:
    """Return the path of the data from the conversion's report, if it is about this very file."""
    try:
        report = json.loads(_report(path).read_text())
        if report["tflite_sha256"] == hashlib.sha256(content).hexdigest():
            return str(report["data"]["source"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _report(path: Path) -> Path:
    return path.with_name(f"{path.name}.report.json")


def _require_fit(path: Path, trained: Trained, dataset: Dataset) -> None:
    labels = ", ".join(dataset.labels)
    if trained.classes != len(dataset.labels):
        raise DataError(
            f"{path}: tells {trained.classes} classes apart, but the test images have "
            f"{len(dataset.labels)} ({labels}): name the right ones with --classes"
        )
    if trained.labels and trained.labels != dataset.labels:
        raise DataError(
            f"{path}: its labels are {', '.join(trained.labels)}, but the test images' are "
            f"{labels}: name them in the model's order with --classes"
        )
