"""Which test inputs models are measured on: those of the data they were trained on, or random."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.meaning import NUMBERS
from edgekit.benchmarks import input_range, model_file
from edgekit.benchmarks.model_file import ModelFile
from edgekit.errors import DataError
from edgekit.train import data
from edgekit.train.dataset import SOURCES, Dataset

NO_DATA = "none"
"""Source of random tensors, which have no classes and no targets."""

RANDOM = 256
"""How many random tensors stand in for test inputs."""

DIGITS = tuple("0123456789")


def for_models(
    models: Sequence[Path | ModelFile],
    source: str | None = None,
    classes: tuple[str, ...] | None = None,
    framing: str | None = None,
) -> Dataset:
    """Load the dataset whose test inputs fit all ``models``.

    Args:
        models: .tflite files.
        source: what ``edgekit.train.data.load`` takes, or NO_DATA; None for what the models were
            trained on. Where they do not say, classifiers of 28×28×1 in two or ten classes get
            MNIST, all others random tensors.
        classes: class names in the order of the scores; None for what the models say.
        framing: how pictures are brought to the models' size; None for what the models say.

    Raises:
        ModelError: a file is not a .tflite file with one input and one output.
        DataError: the data cannot be had, or a model does not fit it or its companions.
    """
    files = [one if isinstance(one, ModelFile) else model_file.load(one) for one in models]
    if len({one.pictures or one.size for one in files}) > 1:
        raise DataError("the models take inputs of different sizes: bench each size by itself")
    if source is None:
        source = _trained_on(files)
    if source == NO_DATA:
        return random_tensors(files)
    if classes and files[0].metadata.meaning == NUMBERS:
        raise DataError(f"{files[0].path}: its output is numbers: leave --classes out")
    classes = classes or next((one.metadata.labels for one in files if one.metadata.labels), None)
    if classes is None and source in SOURCES and files[0].classes == len(DIGITS):
        classes = DIGITS
    framing = framing or _framing(files, source)
    dataset = _loaded(files[0], source, classes, framing)
    for one in files:
        _require_fit(one, dataset)
    return dataset


def random_tensors(files: Sequence[ModelFile]) -> Dataset:
    """Return random tensors in place of test inputs, within what all ``files`` can take.

    Uniform between the ends of quantised inputs, otherwise standard normal.
    """
    shape, generator = (RANDOM, *files[0].size), np.random.default_rng(1)
    ends = [end for one in files for end in (input_range.quantised_ends(one.input),) if end]
    ends += [end for end in map(input_range.said, files) if end]
    if ends:
        low, high = max(low for low, _ in ends), min(high for _, high in ends)
        tensors = generator.uniform(low, high if low < high else low, shape).astype(np.float32)
    else:
        tensors = generator.standard_normal(shape, np.float32)
    none = np.zeros((RANDOM, 0), np.float32)
    return Dataset(
        tensors[:0],
        none[:0],
        tensors,
        none,
        labels=(),
        name="random tensors",
        sha256="",
        source=NO_DATA,
        framing="resize",
    )


def describe(dataset: Dataset) -> dict[str, Any]:
    """Return what a document says about the inputs that were measured on."""
    return {
        "name": dataset.name,
        "sha256": dataset.sha256,
        "synthetic": dataset.source == "synthetic",
        "random": dataset.source == NO_DATA,
        "labels": list(dataset.labels),
        "images": len(dataset.x_test),
    }


def _trained_on(files: Sequence[ModelFile]) -> str:
    """Return the data that the files or their reports name.

    Raises:
        DataError: they name different data, or one that cannot be found.
    """
    for one in files:
        if one.source is None and one.data_name:
            raise DataError(
                f"{one.path}: was trained on {one.data_name!r}, and only its "
                f"{model_file.report_of(one.path).name} knew where that is: give it with --data"
            )
    named = {one.path: one.source for one in files if one.source}
    if len(set(named.values())) > 1:
        parts = " and ".join(f"{path.name} on {one}" for path, one in named.items())
        raise DataError(f"the models were trained on different data, {parts}: name one --data")
    digits = all(one.may_be_digits for one in files)
    return next(iter(named.values()), "mnist" if digits else NO_DATA)


def _framing(files: Sequence[ModelFile], source: str) -> str:
    framings = sorted({one.framing for one in files if one.framing})
    if len(framings) > 1 and source not in SOURCES:
        raise DataError(f"the models frame pictures differently, {framings}: name one --framing")
    return framings[0] if framings else "resize"


def _loaded(file: ModelFile, source: str, classes: tuple[str, ...] | None, framing: str) -> Dataset:
    """Load the data as classes or as targets, which what the output means decides."""
    numbers = None
    if file.metadata.meaning:
        numbers = file.metadata.meaning == NUMBERS
    dataset = data.load(source, classes, file.size, framing=framing, numbers=numbers)
    fits = len(dataset.labels) == file.classes
    if dataset.labels and not fits and numbers is None and file.meaning() == NUMBERS:
        # Whole numbers may be classes as well as targets.
        return data.load(source, None, file.size, framing=framing, numbers=True)
    return dataset


def _require_fit(file: ModelFile, dataset: Dataset) -> None:
    labels, numbers = ", ".join(dataset.labels), file.meaning(dataset.labels) == NUMBERS
    if numbers and dataset.labels:
        raise DataError(f"{file.path}: its output is numbers, and the data has classes ({labels})")
    if not numbers and dataset.y_test.size and not dataset.labels:
        raise DataError(
            f"{file.path}: its output is the scores of classes, and the data has targets that are "
            "numbers"
        )
    if not dataset.labels:
        outputs = int(np.prod(file.output.shape[1:]))
        if dataset.y_test.size and dataset.y_test.shape[1] != outputs:
            raise DataError(
                f"{file.path}: gives {outputs} numbers, but the data has "
                f"{dataset.y_test.shape[1]} targets for an input"
            )
        return
    if file.classes != len(dataset.labels):
        raise DataError(
            f"{file.path}: tells {file.classes} classes apart, but the test images have "
            f"{len(dataset.labels)} ({labels}): name the right ones with --classes"
        )
    # Other names for all classes are another tool's; the same ones in another order are a mistake.
    if file.metadata.labels != dataset.labels and set(file.metadata.labels) & set(dataset.labels):
        raise DataError(
            f"{file.path}: its labels are {', '.join(file.metadata.labels)}, but the test images' "
            f"are {labels}: name them in the model's order with --classes"
        )
