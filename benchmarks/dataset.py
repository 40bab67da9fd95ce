"""Test inputs of a run: from the data that the models were trained on, or random tensors."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.meaning import ANOMALY, MULTILABEL, NUMBERS
from edgekit.benchmarks import input_range, model_file
from edgekit.benchmarks import task as tasks
from edgekit.benchmarks.model_file import ModelFile
from edgekit.errors import DataError
from edgekit.train import data
from edgekit.train.anomalies import judged, normal_classes, without_classes
from edgekit.train.dataset import SOURCES, Dataset, Inputs
from edgekit.train.reading import NOTHING_CHOSEN, Reading

NO_DATA = "none"
"""Source of a dataset of random tensors, without classes and targets."""

RANDOM = 256
"""Number of random tensors in place of test inputs."""

DIGITS = tuple("0123456789")


def for_models(
    models: Sequence[Path | ModelFile],
    source: str | None = None,
    classes: tuple[str, ...] | None = None,
    framing: str | None = None,
    reading: Reading = NOTHING_CHOSEN,
) -> Dataset:
    """Load the dataset whose test inputs fit all ``models``.

    Args:
        models: .tflite files.
        source: a source for ``edgekit.train.data.load``, or NO_DATA; None for the data that the
            models were trained on. If they do not say, classifiers of 28×28×1 in two or ten
            classes get MNIST, all others random tensors.
        classes: class names in the order of the scores; None for what the models say.
        framing: how pictures get the models' size; None for what the models say.
        reading: how the data are read; what it leaves open is as the models say.

    Raises:
        ModelError: a file is not a .tflite file that bench can measure.
        DataError: the data cannot be loaded, or does not fit all models.
    """
    files = [model if isinstance(model, ModelFile) else model_file.load(model) for model in models]
    if several := [file for file in files if file.several]:
        if len(several) < len(files) or source not in (None, NO_DATA) or classes:
            raise DataError(
                f"{several[0].path}: {several[0].several}: bench it on random tensors, without "
                "--data and --classes, and apart from models of one input and one output"
            )
        return _random("random tensors for each input", np.zeros((RANDOM, 0), np.float32))
    if len({file.pictures or file.size for file in files}) > 1:
        raise DataError("the models have inputs of different sizes: bench each size separately")
    if source is None:
        source = _trained_on(files)
    if source == NO_DATA:
        return random_tensors(files)
    task = files[0].metadata.task
    if classes and files[0].metadata.meaning == NUMBERS and task != ANOMALY:
        raise DataError(f"{files[0].path}: its output is numbers: leave --classes out")
    if task != MULTILABEL:
        named = (labels for file in files if (labels := file.metadata.labels))
        classes = classes or next(named, None)
    if classes is None and source in SOURCES and files[0].classes == len(DIGITS):
        classes = DIGITS
    framing = framing or _framing(files, source)
    read = partial(data.load, source, framing=framing, audio=files[0].metadata.audio)
    reading, notes = _reading(
        files, source, reading, lambda one: read(classes, files[0].size, reading=one, may_lack=True)
    )
    dataset = _loaded(files[0], classes, partial(read, reading=reading))
    dataset = replace(dataset, notes=(*dataset.notes, *notes))
    for file in files:
        _require_fit(file, dataset)
    return dataset


def random_tensors(files: Sequence[ModelFile]) -> Dataset:
    """Return random tensors in place of test inputs, in the range of all ``files``.

    Uniform over the range of quantised inputs, otherwise standard normal.
    """
    shape, generator = (RANDOM, *files[0].size), np.random.default_rng(1)
    ranges = [input_range.quantised_range(file.input) for file in files]
    ranges += map(input_range.from_metadata, files)
    if bounds := [bound for bound in ranges if bound]:
        low, high = max(low for low, _ in bounds), min(high for _, high in bounds)
        tensors = generator.uniform(low, high if low < high else low, shape).astype(np.float32)
    else:
        tensors = generator.standard_normal(shape, np.float32)
    return _random("random tensors", tensors)


def _random(name: str, tensors: Inputs) -> Dataset:
    none = np.zeros((RANDOM, 0), np.float32)
    return Dataset(
        tensors[:0],
        none[:0],
        tensors,
        none,
        labels=(),
        name=name,
        sha256="",
        source=NO_DATA,
        framing="resize",
    )


def describe(dataset: Dataset) -> dict[str, Any]:
    """Return the description of the test inputs for a document."""
    return {
        "name": dataset.name,
        "sha256": dataset.sha256,
        "synthetic": dataset.source == "synthetic",
        "random": dataset.source == NO_DATA,
        "labels": list(dataset.labels),
        "images": len(dataset.x_test),
    }


def _trained_on(files: Sequence[ModelFile]) -> str:
    """Return the source of the data that the files or their reports name.

    Raises:
        DataError: they name different data, or data that cannot be found.
    """
    for file in files:
        if file.source is None and file.data_name:
            raise DataError(
                f"{file.path}: was trained on {file.data_name!r}, whose path only its "
                f"{model_file.report_of(file.path).name} names: give it with --data"
            )
    named = {file.path: file.source for file in files if file.source}
    if len(set(named.values())) > 1:
        parts = " and ".join(f"{path.name} on {source}" for path, source in named.items())
        raise DataError(f"the models were trained on different data, {parts}: name one --data")
    digits = all(file.may_be_digits for file in files)
    return next(iter(named.values()), "mnist" if digits else NO_DATA)


def _framing(files: Sequence[ModelFile], source: str) -> str:
    framings = sorted({file.framing for file in files if file.framing})
    if len(framings) > 1 and source not in SOURCES:
        raise DataError(f"the models frame pictures differently, {framings}: name one --framing")
    return framings[0] if framings else "resize"


def _reading(
    files: Sequence[ModelFile], source: str, chosen: Reading, load: Callable[[Reading], Dataset]
) -> tuple[Reading, tuple[str, ...]]:
    """Complete the user's choices with how the models' training data were read."""
    found = {}
    for recorded in dict.fromkeys(file.trained_on for file in files):
        reading, notes = recorded.reading_of(source, chosen, load)
        found[reading] = notes
    if len(found) > 1:
        options = sorted({option for one in found for option in one.options})
        raise DataError(
            "the models were trained on data that were read differently: say how to read these "
            f"with {', '.join(options)}"
        )
    return found.popitem()


def _loaded(
    file: ModelFile, classes: tuple[str, ...] | None, read: Callable[..., Dataset]
) -> Dataset:
    """Load the data with classes or with targets, depending on the meaning of the output."""
    numbers = None
    if file.metadata.task == ANOMALY:
        # Of a file that says which data it comes from, the conversion has seen whether they are.
        known = file.task_stated or file.data_classes is None or bool(file.data_classes)
        return _judged(read(classes, file.size, may_lack=True), stated=known)
    likely = tasks.likely_rebuilds(file)
    if file.metadata.meaning and not likely:
        numbers = file.metadata.meaning == NUMBERS or file.metadata.task == MULTILABEL
    dataset = read(classes, file.size, numbers=numbers, may_lack=likely)
    if tasks.of(file, dataset).name == ANOMALY:
        found = _judged(dataset, stated=False)
        return found if found.labels else _with_note(found, dataset.labels)
    fits = len(dataset.labels) == file.classes
    if dataset.labels and not fits and numbers is None and file.meaning() == NUMBERS:
        # Whole numbers can be classes or targets.
        return read(None, file.size, numbers=True)
    return dataset


def _judged(loaded: Dataset, *, stated: bool) -> Dataset:
    """Return data with normal inputs and anomalies as classes, if their classes are these."""
    if not loaded.labels:
        return loaded
    normal = normal_classes(loaded, stated=stated)
    return judged(loaded, normal) if normal else without_classes(loaded)


def _with_note(dataset: Dataset, unused: Sequence[str]) -> Dataset:
    """Return data whose classes say nothing of anomalies, with a note that says so."""
    note = (
        f"none of the classes ({', '.join(unused)}) is called normal, so that they say nothing of "
        "anomalies; with --task anomaly the first one is normal"
    )
    return replace(dataset, notes=(*dataset.notes, note))


def _require_fit(file: ModelFile, dataset: Dataset) -> None:
    decided, labels = tasks.of(file, dataset), ", ".join(dataset.labels)
    task, numbers = decided.name, decided.meaning == NUMBERS
    if numbers and dataset.labels and task == ANOMALY:
        return
    if numbers and dataset.labels:
        raise DataError(f"{file.path}: its output is numbers, and the data has classes ({labels})")
    if task == MULTILABEL and dataset.y_test.size and not data.labels_of(dataset.y_test):
        raise DataError(f"{file.path}: has several labels, and the data have no rows of 0 and 1")
    if not numbers and dataset.y_test.size and not dataset.labels and task != MULTILABEL:
        raise DataError(
            f"{file.path}: its output is the scores of classes, and the data has targets that are "
            "numbers"
        )
    if not dataset.labels:
        outputs = int(np.prod(file.output.shape[1:]))
        if dataset.y_test.size and dataset.y_test.shape[1] != outputs:
            raise DataError(
                f"{file.path}: outputs {outputs} numbers, but the data has "
                f"{dataset.y_test.shape[1]} targets per input"
            )
        return
    if file.classes != len(dataset.labels):
        raise DataError(
            f"{file.path}: has {file.classes} classes, but the test data have "
            f"{len(dataset.labels)} ({labels}): name the right ones with --classes"
        )
    # Entirely different names are another tool's; the same names in another order are a mistake.
    if file.metadata.labels != dataset.labels and set(file.metadata.labels) & set(dataset.labels):
        raise DataError(
            f"{file.path}: its labels are {', '.join(file.metadata.labels)}, but the test data's "
            f"are {labels}: name them in the model's order with --classes"
        )
