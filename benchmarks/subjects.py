"""The models of a run: what each file says, how it is used, and its Keras model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_runtime.meaning import MULTILABEL
from edgekit import files
from edgekit.benchmarks import dataset as test_inputs
from edgekit.benchmarks import model_file, thresholds, usage
from edgekit.benchmarks import task as tasks
from edgekit.benchmarks.model_file import ModelFile
from edgekit.benchmarks.usage import Usage
from edgekit.errors import DataError
from edgekit.pixel_range import Range
from edgekit.train.dataset import Dataset
from edgekit.train.reading import NOTHING_CHOSEN, Reading


@dataclass(frozen=True)
class InputChoices:
    """The user's choices about the models and their data; None to determine them from the files.

    Attributes:
        data: a source for ``edgekit.train.data.load``, or ``dataset.NO_DATA``.
        classes: class names in the order of the scores.
        task: one of ``edge_runtime.meaning.TASKS``.
        framing: how pictures get the models' size.
        input_range: pixels 0 and 255 on the models' scale.
        reading: how the data are read.
    """

    data: str | None = None
    classes: tuple[str, ...] | None = None
    task: str | None = None
    framing: str | None = None
    input_range: Range | None = None
    reading: Reading = NOTHING_CHOSEN


@dataclass(frozen=True)
class Entry:
    """A model to measure.

    Attributes:
        file: what the file says.
        usage: how its input is fed and its output read.
    """

    file: ModelFile
    usage: Usage

    def describe(self, name: str) -> dict[str, Any]:
        """Return the model's description for a document, as plain JSON values."""
        return {"name": name, "sha256": files.sha256(self.file.path), **self.usage.describe()}


@dataclass(frozen=True)
class Keras:
    """The Keras model to compare with.

    Attributes:
        file: the model; None if no file was converted from an available Keras model.
        like: an entry with the Keras model's scale and meaning; None without one.
        unrelated: models that are not compared with it, and why.
        trust: run the code that its file contains.
    """

    file: Path | None = None
    like: Entry | None = None
    unrelated: Mapping[str, str] = field(default_factory=dict)
    trust: bool = False


def gather(models: Mapping[str, Path], choices: InputChoices) -> tuple[dict[str, Entry], Dataset]:
    """Read the files, load the test inputs and determine how each model is used.

    Raises:
        ModelError: bench cannot measure a file.
        ModelFileError: an output cannot be for the task.
        DataError: the data cannot be loaded or does not fit, or the input range is unknown.
    """
    read = {name: model_file.load(path) for name, path in models.items()}
    if task := choices.task:
        read = {name: tasks.stated(file, task) for name, file in read.items()}
    dataset = test_inputs.for_models(
        list(read.values()), choices.data, choices.classes, choices.framing, choices.reading
    )
    entries = {name: Entry(file, _used(file, dataset, choices)) for name, file in read.items()}
    return entries, dataset


def _used(file: ModelFile, dataset: Dataset, choices: InputChoices) -> Usage:
    """Return how a file is used, with its threshold and the names of its labels."""
    used = usage.of(file, dataset, choices.input_range)
    if used.task == MULTILABEL:
        return replace(used, labels=choices.classes or used.labels)
    return thresholds.completed(file, used, dataset)


def keras_of(
    entries: Mapping[str, Entry], beside: Path, chosen: Path | None, *, trust: bool = False
) -> Keras:
    """Return the Keras model that files are compared with.

    Args:
        entries: the models.
        beside: the artifacts folder's Keras model, used for the files that name its digest.
        chosen: ``--keras``, used for all files.
        trust: run the code that its file contains.

    Raises:
        DataError: ``chosen`` is for a model of several inputs or outputs.
    """
    if chosen:
        first = next(iter(entries.values()))
        if first.file.several:
            raise DataError(
                f"{first.file.path}: {first.file.several}: it is not compared with Keras: leave "
                "--keras out"
            )
        return Keras(chosen, first, trust=trust)
    digest = files.sha256(beside) if beside.is_file() else ""
    unrelated, like = {}, None
    for name, entry in entries.items():
        origin = entry.file.origin
        if entry.file.several:
            unrelated[name] = entry.file.several
        elif origin and origin == digest:
            like = like or entry
        elif not origin:
            unrelated[name] = "it does not say which Keras model it comes from"
        elif digest:
            unrelated[name] = f"it was converted from another Keras model than {beside}"
        else:
            unrelated[name] = f"{beside} is not there"
    return Keras(beside if like else None, like, unrelated, trust)


def notes(entries: Mapping[str, Entry], dataset: Dataset) -> Sequence[str]:
    """Return notes about how the models are used, one line each."""
    lines = list(dataset.notes)
    several = [f"{name}: {entry.file.several}" for name, entry in entries.items()]
    if any(entry.file.several for entry in entries.values()):
        lines += [f"{line}: random tensors give latency, size and exactness" for line in several]
    elif dataset.source == test_inputs.NO_DATA:
        lines.append(
            "no data: random tensors give latency, size and exactness, but no accuracy; --data "
            "names test inputs"
        )
    lines += [
        f"{name}: task {entry.usage.task}, guessed: {entry.usage.guessed}; --task says another"
        for name, entry in entries.items()
        if entry.usage.guessed
    ]
    return lines + [
        f"{name}: {entry.usage}"
        for name, entry in entries.items()
        if not entry.usage.warning and entry.usage.mean and not entry.file.metadata.mean
    ]


def warnings(entries: Mapping[str, Entry]) -> Sequence[str]:
    """Return warnings about how the models are used, one line each."""
    return [
        f"{name}: {entry.usage}, but {entry.usage.warning}"
        for name, entry in entries.items()
        if entry.usage.warning
    ]
