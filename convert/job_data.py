"""The data of a conversion, and what the output means: each depends on the other."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from edge_runtime.meaning import ANOMALY, MULTILABEL, NUMBERS
from edge_runtime.metadata import Metadata
from edgekit.convert import meaning, metrics_file
from edgekit.convert.meaning import Meaning
from edgekit.convert.source import TrainedModel
from edgekit.errors import DataError
from edgekit.pixel_range import Range
from edgekit.train.anomalies import Normal, judged, normal_classes, without_classes
from edgekit.train.data import labels_of, load
from edgekit.train.dataset import Dataset
from edgekit.train.reading import NOTHING_CHOSEN, Reading
from edgekit.train.training_data import TrainingData


@dataclass(frozen=True)
class Choices:
    """The user's choices about the model and its data; None leaves one to ``prepare``.

    Attributes:
        data: a source for ``edgekit.train.data.load``.
        classes: class names in the order of the scores.
        task: one of ``edge_runtime.meaning.TASKS`` or of ``conversion.FORMER_TASKS``.
        framing: how images are brought to the model's size.
        input_range: what pixels 0 and 255 are on the model's scale.
        calibration: a source of inputs, or an .npy of model inputs.
        reading: how data and calibration are read.

    For a model of several inputs, data and calibration are an .npz with an array for each.
    """

    data: str | None = None
    classes: tuple[str, ...] | None = None
    task: str | None = None
    framing: str | None = None
    input_range: Range | None = None
    calibration: str | None = None
    reading: Reading = NOTHING_CHOSEN


@dataclass(frozen=True)
class JobData:
    """What the output means, and the data to measure on.

    Attributes:
        meaning: meaning of the output.
        dataset: the data; None where nothing says what the model was trained on.
        normal: which classes of the data are normal, of an anomaly detector's; the dataset then has
            the classes 0, normal, and 1, anomaly.
        warnings: possible problems, a line each.
        as_read: the data with the classes of their source, where those became normal and anomaly.
    """

    meaning: Meaning
    dataset: Dataset | None = None
    normal: Normal | None = None
    warnings: tuple[str, ...] = ()
    as_read: Dataset | None = None


def with_own_classes(choices: Choices, model: TrainedModel) -> Choices:
    """Return ``choices`` with the class names that a .tflite file has itself."""
    metadata = model.file and model.file.metadata
    if choices.classes is None and metadata and metadata.labels:
        return replace(choices, classes=metadata.labels)
    return choices


LOOKED_AT = 1000
"""Most inputs that are compared with their targets."""

SAME = 0.999
"""Correlation of inputs and targets above which they are the same, on whatever scale."""


def _has_targets(dataset: Dataset) -> bool:
    """Return whether the data have targets, other than the inputs themselves."""
    if dataset.labels or not dataset.y_train.size:
        return False
    if dataset.x_train.size != dataset.y_train.size:
        return True
    inputs, targets = (
        part[:LOOKED_AT].astype(np.float64).ravel() for part in (dataset.x_train, dataset.y_train)
    )
    spread = inputs.std() * targets.std()
    shared = ((inputs - inputs.mean()) * (targets - targets.mean())).mean()
    return not shared > SAME * spread


def load_data(model: TrainedModel, choices: Choices, metrics: dict[str, Any]) -> JobData:
    """Decide what the output means and load the data; each depends on the other.

    Raises:
        DataError: the data cannot be loaded, or do not fit the task.
        ModelFileError: the output does not fit the task.
    """
    trained_on = metrics.get("data", {})
    source, classes = choices.data or trained_on.get("source"), choices.classes
    decided = meaning.decide(model, choices.task, len(classes) if classes else None)
    if source is None:
        return JobData(decided)
    recorded = TrainingData(
        trained_on.get("source"), trained_on.get("sha256", ""), metrics_file.reading(metrics)
    )
    framing = choices.framing or trained_on.get("framing", Metadata.framing)
    if recorded.is_at(source) or decided.name != NUMBERS:
        classes = classes or tuple(trained_on.get("classes", ())) or None
    # Targets whose type fits both classes and numbers decide, unless something else has.
    may_lack = decided.task == ANOMALY
    unsure = may_lack or (decided.name == NUMBERS and not decided.stated)
    numbers = None if unsure else decided.name == NUMBERS or decided.task == MULTILABEL
    audio = metrics_file.audio(metrics)
    read = partial(load, source, classes, model.shape, framing=framing, audio=audio)
    reading, notes = recorded.reading_of(
        source,
        choices.reading,
        lambda one: read(reading=one, numbers=numbers, may_lack=may_lack),
    )
    read = partial(read, reading=reading)
    dataset = read(numbers=numbers, may_lack=may_lack)
    count = len(dataset.labels) or None
    several = labels_of(dataset.y_train) == model.outputs > 1
    targeted = model.rebuilds_input and _has_targets(dataset)
    decided = meaning.decide(model, choices.task, count, independent=several, targeted=targeted)
    normal, as_read = None, None
    if decided.task == ANOMALY and dataset.labels:
        normal = normal_classes(dataset, stated=decided.stated)
        # `edgekit train` takes the first of classes of which none is called normal for it.
        as_read = dataset if normal or metrics.get("task") == ANOMALY else None
        dataset = judged(dataset, normal) if normal else without_classes(dataset)
    if dataset.labels and not normal:
        if decided.name == NUMBERS:
            dataset = read(numbers=True)
        elif may_lack:
            dataset = read(numbers=False)
    if decided.task == MULTILABEL and dataset.y_test.size and not several:
        raise DataError(
            f"{source}: --task multilabel: its y are not rows of {model.outputs} labels, 0 or 1"
        )
    if (count := len(model.output_specs)) > 1 and dataset.y_test.size:
        raise DataError(
            f"{source}: its y are targets of one output, and {model.path} has {count}: leave y out"
        )
    dataset = replace(dataset, notes=(*dataset.notes, *notes))
    warnings: tuple[str, ...] = ()
    if choices.data is None and dataset.sha256 != trained_on.get("sha256"):
        warning = f"{source} is no longer what the model was trained on (its digest differs)"
        warnings = (warning,)
    return JobData(decided, dataset, normal, warnings, as_read)
