"""One point of a sweep: train, convert, export, and measure everything but the latency."""

import os
import platform
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.meaning import CLASSIFY
from edgekit.errors import DataError, EdgekitError, MissingExtraError, WorkerError
from edgekit.exported import exported
from edgekit.files import FLOAT_MODEL, INT8_MODEL, KERAS_MODEL, write_bytes
from edgekit.sweep.measurement import DEFLATED, FILES, Basis, Measurement
from edgekit.train.reading import NOTHING_CHOSEN, Reading
from edgekit.train.recipe import Recipe
from edgekit.version import __version__

if TYPE_CHECKING:
    from edgekit.convert.source import TrainedModel
    from edgekit.scoring import Score
    from edgekit.train.dataset import Dataset

CORE = "cortex-m4"
OPTIMISATION = "-Os"
IMAGES = 100
"""Test images that the firmware answers; nearly all need the same number of instructions."""

PACKAGES = ("tensorflow", "keras", "numpy", "ai-edge-litert")
TOOLS = ("tensorflow-model-optimization", "tf_keras", "ziglang", "unicorn", "pyelftools")
"""Packages that affect the figures; the tools may be missing."""

ALONE = Lock()
"""TensorFlow's seeds and op determinism are per process: one point at a time in each."""


@dataclass(frozen=True)
class Task:
    """Task of a worker.

    Attributes:
        recipe: what to train.
        basis: data and versions that the worker must have.
        source: source of the data, for ``train.data.load``.
        int8: path for the int8 file, whose latency is measured when all workers have finished;
            None where the worker is on another machine.
        framing: how its pictures are brought to the model's size.
        reading: how the data are read.
    """

    recipe: Recipe
    basis: Basis
    source: str
    int8: Path | None = None
    framing: str = "resize"
    reading: Reading = NOTHING_CHOSEN


def basis(dataset: "Dataset") -> Basis:
    """Return the basis of measurements on this dataset with this installation."""
    from edge_runtime.backends import native
    from edgekit.benchmarks.environment import versions

    # Without it there is no latency, and a stored measurement stays without.
    engine = {} if native.unavailable() else {"native engine": "built"}
    return Basis(
        data={
            "name": dataset.name,
            "classes": list(dataset.labels),
            "sha256": dataset.sha256,
            "train": len(dataset.x_train),
            "test": len(dataset.x_test),
        },
        versions={
            "python": platform.python_version(),
            "edgekit": __version__,
            **versions((*PACKAGES, *TOOLS)),
            **engine,
        },
    )


def measure(task: Task) -> Measurement:
    """Measure a point without its latency; a failure to train or convert is recorded in it.

    Equal recipe and basis give equal weights, accuracies, sizes and firmware, whatever this process
    did before; deflated sizes differ by a few bytes, because the file contains the digest of the
    Keras file, which contains the time.

    Raises:
        WorkerError: the worker has other data or other versions.
    """
    with ALONE:
        dataset = _dataset(task)
        worker = _worker()
        try:
            row = _measured(task, dataset)
        except (EdgekitError, EdgeRuntimeError) as error:
            row = Measurement(task.recipe, task.basis, failure=str(error))
        return replace(row, worker=worker, time=datetime.now(UTC).isoformat(timespec="seconds"))


def _dataset(task: Task) -> "Dataset":
    classes = tuple(task.basis.data["classes"])
    host = platform.node()
    try:
        dataset = load_data(task.source, classes, task.framing, task.reading)
    except DataError as error:
        raise WorkerError(f"worker on {host}: {error}") from None
    local = basis(dataset)
    if local.data["sha256"] != task.basis.data["sha256"]:
        raise WorkerError(f"worker on {host}: {task.source} is not what it is here")
    for name in sorted({*local.versions, *task.basis.versions}):
        has, needs = local.versions.get(name), task.basis.versions.get(name)
        if has != needs:
            raise WorkerError(f"worker on {host}: has {name} {has}, and here is {needs}")
    return dataset


@cache
def load_data(source: str, classes: tuple[str, ...], framing: str, reading: Reading) -> "Dataset":
    """Return the dataset, which each process reads once."""
    from edgekit.train.data import load

    return load(source, classes, framing=framing, reading=reading)


def _worker() -> dict[str, str]:
    from edgekit.benchmarks.environment import cpu

    return {"CPU": cpu(), "host": platform.node(), "process": str(os.getpid())}


def _measured(task: Task, dataset: "Dataset") -> Measurement:
    from edgekit import frameworks
    from edgekit.convert import source
    from edgekit.convert.summary import summarise
    from edgekit.train import fit, outcome
    from edgekit.train.finetune import run as finetune
    from edgekit.train.finetune.recipe import after_training

    frameworks.train_on_one_thread()
    # Each point has its own graphs, which TensorFlow warns about.
    frameworks.tensorflow().get_logger().setLevel("ERROR")
    # Layers get the same names as in a new process, and so the files the same sizes.
    frameworks.keras().utils.clear_session()
    training = fit.fit(task.recipe, dataset)
    model, epochs, seconds = training.model, len(training.history), training.seconds
    tuned = None
    tuning = after_training(task.recipe)
    if tuning.stages:
        data = fit.split(task.recipe, dataset)
        tuned = finetune.tune(model, tuning, data, "the trained model", CLASSIFY)
        epochs, seconds = epochs + len(tuned.history), seconds + tuned.seconds
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        names = (KERAS_MODEL, FLOAT_MODEL, INT8_MODEL)
        paths = {kind: Path(folder, name) for kind, name in zip(FILES, names, strict=True)}
        keras, plain, int8 = paths.values()
        outcome.save(keras, model, tuned)
        trained = source.load(keras)
        about = {
            "recipe": task.recipe.document,
            **({"tuning": finetune.record(tuned)} if tuned else {}),
        }
        plain.write_bytes(_converted(trained, "float32", about, dataset))
        int8.write_bytes(_converted(trained, "int8", about, dataset))
        firmware, no_firmware = _firmware(int8, dataset)
        if task.int8:
            write_bytes(task.int8, int8.read_bytes())
        return Measurement(
            recipe=task.recipe,
            basis=task.basis,
            accuracy={
                "float32": _accuracy(_keras_score(model, dataset)),
                "int8": _accuracy(_file_score(int8, dataset)),
            },
            epochs=epochs,
            seconds=seconds,
            sizes={
                **{name: path.stat().st_size for name, path in paths.items()},
                DEFLATED: len(zlib.compress(int8.read_bytes(), 9)),
            },
            parameters=model.count_params(),
            macs=summarise(int8.read_bytes()).macs,
            firmware=firmware,
            missing={"firmware": no_firmware} if no_firmware else {},
            weights_sha256=outcome.weights_sha256(model),
        )


def _converted(
    trained: "TrainedModel", scheme: str, metrics: dict[str, Any], dataset: "Dataset"
) -> bytes:
    """Convert as ``edgekit convert`` does with its defaults."""
    from edgekit.convert import job, pipeline
    from edgekit.convert.conversion import Conversion

    conversion = Conversion(scheme=scheme)
    prepared = job.of_training(trained, conversion, dataset, metrics)
    content, _ = pipeline.convert(trained, conversion, prepared, measure=False)
    return content


def _keras_score(model: Any, dataset: "Dataset") -> "Score":
    import numpy as np

    from edgekit.scoring import score
    from edgekit.train.dataset import scaled

    scores = np.asarray(model(scaled(dataset.x_test)))
    return score(scores.argmax(axis=1), dataset.y_test, len(dataset.labels))


def _file_score(path: Path, dataset: "Dataset") -> "Score":
    """Score a .tflite file as ``edgekit convert`` does, on LiteRT."""
    import edge_runtime
    from edgekit.scoring import score

    scores = edge_runtime.load(path, backend="litert").predict(dataset.x_test)
    return score(scores.argmax(axis=1), dataset.y_test, len(dataset.labels))


def _accuracy(score: "Score") -> dict[str, Any]:
    return {
        "correct": score.correct,
        "total": score.total,
        "accuracy": score.accuracy,
        "interval": list(score.interval),
        "confusion": [list(row) for row in score.confusion],
    }


def _firmware(path: Path, dataset: "Dataset") -> tuple[Mapping[str, int] | None, str]:
    """Return the exported model's costs on the emulated core, or None and why."""
    from edgekit.benchmarks.mcu import builds, firmware
    from edgekit.benchmarks.mcu.cores import CORES
    from edgekit.benchmarks.result import Subject
    from edgekit.files import sha256

    core = CORES[CORE]
    try:
        firmware.require_tools(core)
    except MissingExtraError as error:
        return None, str(error)
    subset = builds.first_images(dataset, IMAGES)
    subject = Subject(path.name, sha256(path), f"{core.name} {OPTIMISATION}")
    library = exported(path, skip_zeros=False, min_ram=False)
    trial = builds.trial_of(path, subset, 0)
    measured = {
        result.metric: result.summary
        for result in builds.measure_build(
            subject, core, library, OPTIMISATION, trial, subset, builds.QUICK
        )
    }
    return {
        "flash": measured["flash"]["total"],
        "ram": measured["ram"]["total"],
        "stack": measured["ram"]["stack"],
        "instructions": measured["instructions"]["median"],
    }, ""
