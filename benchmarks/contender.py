"""Who takes part in a benchmark: a model file on a backend, behind three functions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.backends import litert, unavailable
from edge_runtime.errors import BackendError, ModelError
from edge_runtime.meaning import class_scores
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import encode
from edge_runtime.reader import read
from edgekit import files
from edgekit.benchmarks import peers
from edgekit.benchmarks.result import Result, Subject
from edgekit.errors import EdgekitError
from edgekit.train.data import Images, scaled

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

Scale = Callable[[Images], Floats]
"""uint8 images [N, H, W, C] -> float32 inputs of a Keras model, of the same shape."""

DISTRIBUTIONS = {
    "litert": ("ai-edge-litert",),
    "edgetpu": ("ai-edge-litert",),
    "reference": ("numpy",),
}
"""What each backend needs to be installed besides edgekit and Python."""


@dataclass(frozen=True)
class Contender:
    """A model on a backend, ready to run.

    Attributes:
        subject: how it is called in the results.
        file: what it runs; a fresh process needs nothing else.
        predict: uint8 images [N, H, W, C] -> float32 scores [N, classes].
        inputs: uint8 images [N, H, W, C] -> raw inputs [N, ...], what ``run`` takes one of.
        run: raw input [1, ...] -> raw output; what the latency is measured of.
        distributions: packages that must be installed to run it.
        origin: digest of the Keras model that a .tflite file says it was converted from; "" for
            peers and where the file does not say.
    """

    subject: Subject
    file: Path
    predict: Callable[[Images], Floats]
    inputs: Callable[[Images], Array]
    run: Callable[[Array], Any]
    distributions: tuple[str, ...]
    origin: str = ""


def from_models(
    models: Mapping[str, Path], backends: Sequence[str]
) -> Iterator[Contender | Result]:
    """Yield each model on each backend, or a result that says why it is not present.

    A backend that is not present as a whole gives one result, without a model. The backends of
    one model follow each other, so that they are read side by side.

    Args:
        models: .tflite files by the name that the results call them.
        backends: names of edge_runtime's backends.
    """
    present = []
    for backend in backends:
        if reason := unavailable(backend):
            yield absent(Subject("", "", backend), reason)
        else:
            present.append(backend)
    for name, path in models.items():
        for backend in present:
            subject = Subject(name, files.sha256(path), backend)
            try:
                yield _from_model(path, subject)
            except (BackendError, ModelError) as error:
                yield absent(subject, str(error))


def for_edgetpu(models: Mapping[str, Path]) -> frozenset[str]:
    """Name the ``models`` that miss nothing here but an Edge TPU: compiled for it, LiteRT there."""
    if unavailable("litert"):
        return frozenset()
    return frozenset(
        name for name, path in models.items() if litert.for_edgetpu(read(path.read_bytes()))
    )


def from_keras(
    file: Path, scratch: Path, scale: Scale, meaning: str
) -> Iterator[Contender | Result]:
    """Yield each peer ready to run a Keras model, or a result that says why it is not present.

    Args:
        file: the Keras model.
        scratch: folder for the files that the peers run.
        scale: pixels to the model's inputs.
        meaning: of its output, one of ``edge_runtime.meaning.MEANINGS``.
    """
    digest = files.sha256(file) if file.exists() else ""
    for name, peer in peers.PEERS.items():
        subject = Subject(file.name, digest, name, peer=True)
        try:
            own_file = peer.prepare(file, scratch)
            function = peer.open(own_file)
        except EdgekitError as error:
            yield absent(subject, str(error))
            continue
        yield Contender(
            subject=subject,
            file=own_file,
            predict=partial(_scaled_first, scale, function, meaning),
            inputs=scale,
            run=function,
            distributions=peer.distributions,
        )


def absent(subject: Subject, reason: str) -> Result:
    """Return the result of a subject that is not present."""
    return Result(
        subject, "accuracy", "class", status="not present", reason=" ".join(reason.split())
    )


def _scaled_first(scale: Scale, function: peers.Function, meaning: str, images: Images) -> Floats:
    return class_scores(function(scale(images)), meaning)


def _from_model(path: Path, subject: Subject) -> Contender:
    """Load a .tflite file on the subject's backend of edge_runtime, with one thread.

    Raises:
        BackendError: the backend is not present.
        ModelError: the backend cannot run the model.
    """
    model = edge_runtime.load(path, backend=subject.backend)
    return Contender(
        subject=subject,
        file=path,
        predict=lambda images: model.predict(_pixels(model, images)),
        inputs=partial(raw_inputs, model),
        run=model.run,
        distributions=DISTRIBUTIONS.get(subject.backend, ()),
        origin=_origin(model.metadata),
    )


def raw_inputs(model: edge_runtime.Model, images: Images) -> Array:
    """Return uint8 images [N, H, W, C] as the model takes them, [N, ...]."""
    return encode(_pixels(model, images), model.input, model.metadata)


def _pixels(model: edge_runtime.Model, images: Images) -> Images | Floats:
    images = images.reshape(len(images), *model.input.shape[1:])
    says_how = model.metadata is not None and model.metadata.mean
    # A file without a normalisation gets what train feeds to its model.
    return images if says_how else scaled(images)


def _origin(metadata: Metadata | None) -> str:
    """Return the digest of the Keras model, as `edgekit convert` writes it."""
    model = metadata.provenance.get("model") if metadata else None
    return str(model.get("sha256", "")) if isinstance(model, dict) else ""
