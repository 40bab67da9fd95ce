"""Contenders of a benchmark: a model file on a backend, behind three functions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.backends import litert, options_for, unavailable
from edge_runtime.errors import BackendError, ModelError
from edge_runtime.meaning import MULTILABEL
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import CHUNK, dequantize, encode
from edge_runtime.reader import read
from edgekit import files
from edgekit.benchmarks import peers
from edgekit.benchmarks.result import FLOAT, Result, Subject
from edgekit.benchmarks.tensors import Array, Raw, parts, random_inputs
from edgekit.benchmarks.usage import Usage, from_metadata
from edgekit.errors import EdgekitError
from edgekit.train.dataset import Inputs

Floats = npt.NDArray[np.float32]

TFLITE = ".tflite"
"""Ending of a float model that stands in for the Keras model."""

DISTRIBUTIONS = {
    "litert": ("ai-edge-litert",),
    "edgetpu": ("ai-edge-litert",),
    "reference": ("numpy",),
}
"""Packages that each backend needs besides edgekit and Python."""


@dataclass(frozen=True)
class Contender:
    """A model on a backend, ready to run.

    Attributes:
        subject: its name in the results.
        file: the file that it runs; a fresh process needs no other.
        predict: the dataset's inputs [N, ...] -> float32 scores [N, classes], or numbers [N, ...],
            or of an anomaly detector errors, float64 [N, 1]; the numbers of several outputs follow
            each other.
        inputs: the dataset's inputs [N, ...] -> raw inputs [N, ...]; ``run`` accepts one of them.
            A model of several inputs or outputs gets as many random tensors, which are the same on
            every backend.
        run: raw input [1, ...] -> raw output; its latency is measured.
        distributions: packages that must be installed to run it.
        note: how the backend runs it, if not in the usual way; else "".
        times: raw inputs [N, ...] and a number of calls of ``run`` -> seconds of each call,
            measured in the process that runs the model; None if that is this process.
        trust: a fresh process may run the code that a Keras file contains.
    """

    subject: Subject
    file: Path
    predict: Callable[[Inputs], Floats]
    inputs: Callable[[Inputs], Any]
    run: Callable[[Any], Any]
    distributions: tuple[str, ...]
    note: str = ""
    times: Callable[[Raw, int], list[float]] | None = None
    trust: bool = False


def from_models(
    models: Mapping[str, Path],
    backends: Sequence[str],
    usages: Mapping[str, Usage] | None = None,
) -> Iterator[Contender | Result]:
    """Yield each model on each backend, or a result that says why it is not present.

    A backend that is not present gives one result, without a model. All backends of a model follow
    each other, so that a reader can compare them.

    Args:
        models: .tflite files by their name in the results.
        backends: names of edge_runtime's backends.
        usages: how to use each model, by the same names; None for what the files say.
    """
    present = []
    for backend in backends:
        if reason := unavailable(backend):
            yield absent(Subject("", "", backend), reason)
        else:
            present.append(backend)
    for name, path in models.items():
        usage = usages[name] if usages else from_metadata(path)
        for backend in present:
            subject = Subject(name, files.sha256(path), backend)
            try:
                yield _from_model(path, subject, usage)
            except (BackendError, ModelError) as error:
                yield absent(subject, str(error))


def for_edgetpu(models: Mapping[str, Path]) -> frozenset[str]:
    """Return the names of ``models`` for an Edge TPU, if LiteRT is installed to run them."""
    if unavailable("litert"):
        return frozenset()
    return frozenset(
        name for name, path in models.items() if litert.for_edgetpu(read(path.read_bytes()))
    )


def from_keras(
    file: Path,
    scratch: Path,
    size: tuple[int, ...],
    usage: Usage,
    names: Sequence[str] = tuple(peers.PEERS),
    *,
    trust: bool = False,
) -> Iterator[Contender | Result]:
    """Yield each peer ready to run a Keras model, or a result that says why it is not present.

    A float .tflite file in its place is run as the only peer, by this edgekit.

    Args:
        file: the Keras model.
        scratch: folder for the files that the peers run.
        size: shape of its input without the batch.
        usage: how to use it.
        names: names of the peers.
        trust: run the code that the file contains; else such a file is not present.
    """
    digest = files.sha256(file) if file.exists() else ""
    if file.suffix == TFLITE:
        subject = Subject(file.name, digest, FLOAT, peer=True)
        try:
            yield _from_model(file, subject, usage, "litert" if unavailable("native") else "native")
        except (BackendError, ModelError, OSError) as error:
            yield absent(subject, str(error))
        return
    for name in names:
        peer = peers.PEERS[name]
        subject = Subject(file.name, digest, name, peer=True)
        try:
            peer_file = peer.prepare(file, scratch, trust)
            function = peer.open(peer_file, trust)
        except EdgekitError as error:
            yield absent(subject, str(error))
            continue
        yield Contender(
            subject=subject,
            file=peer_file,
            predict=partial(_scaled_first, usage, size, function),
            inputs=partial(_scaled, usage, size),
            run=function,
            distributions=peer.distributions,
            trust=trust,
        )


def absent(subject: Subject, reason: str) -> Result:
    """Return the result of a subject that is not present."""
    return Result(
        subject, "accuracy", "class", status="not present", reason=" ".join(reason.split())
    )


def raw_inputs(model: edge_runtime.Model, usage: Usage, inputs: Inputs) -> Array:
    """Return the dataset's inputs [N, ...] as raw inputs of the model, [N, ...].

    Raises:
        ModelError: the model's input has integers without scale and zero point.
    """
    inputs = inputs.reshape(len(inputs), *model.input.shape[1:])
    if inputs.dtype == np.uint8 and not usage.mean:
        inputs = inputs.astype(np.float32)
    return encode(inputs, model.input, usage.preprocessing)


def chunks(inputs: Inputs) -> Iterator[Inputs]:
    """Yield inputs [N, ...] in chunks of about CHUNK bytes, counted as float32."""
    rows = max(1, CHUNK // (4 * max(1, prod(inputs.shape[1:]))))
    for start in range(0, max(1, len(inputs)), rows):
        yield inputs[start : start + rows]


def _scaled(usage: Usage, size: tuple[int, ...], inputs: Inputs) -> Floats:
    return usage.scaled(inputs).reshape(len(inputs), *size)


def _scaled_first(
    usage: Usage, size: tuple[int, ...], function: peers.Function, inputs: Inputs
) -> Floats:
    answers = []
    for chunk in chunks(inputs):
        scaled = _scaled(usage, size, chunk)
        answers.append(usage.answers_of_floats(scaled, function(scaled)))
    return np.concatenate(answers)


def _from_model(path: Path, subject: Subject, usage: Usage, backend: str = "") -> Contender:
    """Load a .tflite file on ``backend``, or the subject's, of edge_runtime, with one thread.

    Raises:
        BackendError: the backend is not present.
        ModelError: the backend cannot run the model.
    """
    backend = backend or subject.backend
    model = edge_runtime.load(path, backend=backend, **options_for(backend))
    one = len(model.inputs) == len(model.outputs) == 1
    return Contender(
        subject=subject,
        file=path,
        predict=partial(_predict, model, usage) if one else partial(_predict_random, model),
        inputs=partial(raw_inputs, model, usage) if one else partial(_random_inputs, model),
        run=model.run,
        distributions=DISTRIBUTIONS.get(subject.backend, ()),
        note=model.backend_note,
        times=getattr(model._session, "times", None),
    )


def _predict(model: edge_runtime.Model, usage: Usage, inputs: Inputs) -> Floats:
    metadata = model.metadata or Metadata()
    says = (metadata.mean, metadata.std, model.meaning, model.task == MULTILABEL)
    if usage.detects or says != (usage.mean, usage.std, usage.meaning, usage.task == MULTILABEL):
        # The file says something else, or nothing: the usage decides.
        answers = []
        for chunk in chunks(inputs):
            raw = raw_inputs(model, usage, chunk)
            answers.append(usage.answers(raw, model.run(raw), model.input, model.output))
        return np.concatenate(answers)
    scores: Floats = model.predict(inputs.reshape(len(inputs), *model.input.shape[1:]))
    return scores


def _random_inputs(model: edge_runtime.Model, inputs: Inputs) -> Raw:
    return random_inputs(len(inputs), tuple(model.inputs.values()))


def _predict_random(model: edge_runtime.Model, inputs: Inputs) -> Floats:
    """Return the numbers of all outputs for as many random tensors as there are inputs."""
    outputs = parts(model.run(_random_inputs(model, inputs)))
    numbers = [
        one if tensor.scale is None else dequantize(one, tensor)
        for one, tensor in zip(outputs, model.outputs.values(), strict=True)
    ]
    flat = [one.reshape(len(one), -1).astype(np.float32, copy=False) for one in numbers]
    return np.hstack(flat)
