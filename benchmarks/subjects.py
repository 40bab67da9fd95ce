"""The models of a run: what each file says, how it is used, and which Keras model it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgekit import files
from edgekit.benchmarks import dataset as test_inputs
from edgekit.benchmarks import model_file, usage
from edgekit.benchmarks.model_file import ModelFile
from edgekit.benchmarks.usage import Usage
from edgekit.pixel_range import Range
from edgekit.train.dataset import Dataset


@dataclass(frozen=True)
class Choices:
    """What the user says about the models and their data; None leaves it to be found out.

    Attributes:
        data: what ``edgekit.train.data.load`` takes, or ``dataset.NO_DATA``.
        classes: class names in the order of the scores.
        framing: how pictures are brought to the models' size.
        input_range: what pixels 0 and 255 are on the models' scale.
    """

    data: str | None = None
    classes: tuple[str, ...] | None = None
    framing: str | None = None
    input_range: Range | None = None


@dataclass(frozen=True)
class Entry:
    """A model that takes part.

    Attributes:
        file: what it says.
        usage: how it is fed and read.
    """

    file: ModelFile
    usage: Usage

    def describe(self, name: str) -> dict[str, Any]:
        """Return what a document says about it, as plain JSON values."""
        return {"name": name, "sha256": files.sha256(self.file.path), **self.usage.describe()}


@dataclass(frozen=True)
class Keras:
    """The Keras model beside the files.

    Attributes:
        file: the model; None when none of the files comes from one that is here.
        like: the entry whose scale and meaning are the Keras model's; None without one.
        strangers: models that are not compared with it, and why.
        trust: whether the code that its file brings along may run.
    """

    file: Path | None = None
    like: Entry | None = None
    strangers: Mapping[str, str] = field(default_factory=dict)
    trust: bool = False


def gather(models: Mapping[str, Path], choices: Choices) -> tuple[dict[str, Entry], Dataset]:
    """Read the files, load what they are measured on, and find out how each is used.

    Raises:
        ModelError: a file is not one that bench can measure.
        DataError: the data cannot be had, does not fit, or nothing tells what pixels become.
    """
    read = {name: model_file.load(path) for name, path in models.items()}
    dataset = test_inputs.for_models(
        list(read.values()), choices.data, choices.classes, choices.framing
    )
    entries = {
        name: Entry(file, usage.of(file, dataset, choices.input_range))
        for name, file in read.items()
    }
    return entries, dataset


def keras_of(
    entries: Mapping[str, Entry], beside: Path, chosen: Path | None, *, trust: bool = False
) -> Keras:
    """Return the Keras model that files are compared with.

    Args:
        entries: the models.
        beside: the artifacts folder's Keras model, which counts for the files that name its
            digest.
        chosen: ``--keras``, which counts for all.
        trust: whether the code that its file brings along may run.
    """
    if chosen:
        return Keras(chosen, next(iter(entries.values())), trust=trust)
    digest = files.sha256(beside) if beside.is_file() else ""
    strangers, like = {}, None
    for name, entry in entries.items():
        origin = entry.file.origin
        if origin and origin == digest:
            like = like or entry
        elif not origin:
            strangers[name] = "it does not say which Keras model it comes from"
        elif digest:
            strangers[name] = f"it was converted from another Keras model than {beside}"
        else:
            strangers[name] = f"{beside} is not there"
    return Keras(beside if like else None, like, strangers, trust)


def notes(entries: Mapping[str, Entry], dataset: Dataset) -> Sequence[str]:
    """Return what is good to know about how the models are used, a line each."""
    found = list(dataset.notes)
    if dataset.source == test_inputs.NO_DATA:
        found.append(
            "no data: random tensors give latency, size and exactness, but no accuracy; --data "
            "names test inputs"
        )
    return found + [
        f"{name}: {entry.usage}"
        for name, entry in entries.items()
        if not entry.usage.warning and entry.usage.mean and not entry.file.metadata.mean
    ]


def warnings(entries: Mapping[str, Entry]) -> Sequence[str]:
    """Return what may be wrong about how the models are used, a line each."""
    return [
        f"{name}: {entry.usage}, but {entry.usage.warning}"
        for name, entry in entries.items()
        if entry.usage.warning
    ]
