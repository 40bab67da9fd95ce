"""Inputs of a conversion besides the model: data, labels, meaning, pixels, calibration."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.front_end import Audio
from edge_runtime.meaning import ANOMALY, MULTILABEL, NUMBERS, class_scores
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import normalise
from edgekit.convert import input_range, job_data, meaning, metrics_file, named_arrays, quantizing
from edgekit.convert.calibration import (
    Arrays,
    CalibrationSet,
    FloatArray,
    from_array,
    from_arrays,
    from_inputs,
    read_array,
    stratified,
)
from edgekit.convert.conversion import CALIBRATED_SCHEMES, Conversion
from edgekit.convert.input_range import TRAINED, InputRange, Range, Trial
from edgekit.convert.job_data import Choices
from edgekit.convert.meaning import Meaning
from edgekit.convert.named_arrays import NamedArrays
from edgekit.convert.source import TrainedModel
from edgekit.errors import DataError, ModelFileError
from edgekit.train.anomalies import Normal
from edgekit.train.data import completed, load
from edgekit.train.dataset import Dataset, Inputs, takes_images
from edgekit.train.normalization import Normalization
from edgekit.train.reading import NOTHING_CHOSEN

TRIED = 1000
"""Training inputs to try pixel ranges on: the 95 % interval is 6 % wide at most."""


@dataclass(frozen=True)
class Job:
    """Inputs of a conversion.

    Attributes:
        meaning: meaning of the output.
        labels: class names in the order of the scores; empty where they are not known.
        pixels: what pixels become on the model's scale; None for a model whose input is not an
            image, or whose data are numbers.
        framing: how a device must frame an image.
        dataset: data to measure on; None where nothing says what the model was trained on.
        named: that data of a model of several inputs.
        audio: what turns sound into the model's inputs; None for other models.
        normal: which classes of the data are normal, where the others are anomalies. The dataset
            then has the classes 0, normal, and 1, anomaly.
        training: the hyper-parameters and the seed, where they are known.
        calibration: calibration set, for the schemes that need one.
        warnings: possible problems, a line each.
        features: what brings features of a table or of sensors onto the model's scale; None where
            the data's numbers are on it.
        as_read: the data of an anomaly detector with the classes of their source, if they have any.
    """

    meaning: Meaning
    labels: tuple[str, ...]
    pixels: InputRange | None
    framing: str
    dataset: Dataset | None
    training: dict[str, Any] | None
    calibration: CalibrationSet | None
    warnings: tuple[str, ...] = ()
    named: NamedArrays | None = None
    features: Normalization | None = None
    audio: Audio | None = None
    normal: Normal | None = None
    as_read: Dataset | None = None

    @property
    def normalization(self) -> Normalization | None:
        """What brings pixels, or features, onto the model's scale, if anything does."""
        if self.pixels is None:
            return self.features
        mean, std = self.pixels.normalization
        return Normalization((mean,), (std,))

    @property
    def metadata(self) -> Metadata:
        """Metadata of the converted file, without the provenance."""
        normalization = self.normalization
        return Metadata(
            labels=self.labels,
            mean=normalization.mean if normalization else (),
            std=normalization.std if normalization else (),
            framing=self.framing,
            meaning=self.meaning.name,
            ground=(self.dataset and self.dataset.reading.ground) or Metadata.ground,
            features=self.features is not None,
            audio=self.audio,
            task=self.meaning.task,
        )

    def model_inputs(self, inputs: Inputs, shape: tuple[int, ...]) -> FloatArray:
        """Return inputs [N, ...] of the dataset on the model's scale: float32 [N, *shape]."""
        if self.normalization and (self.features or inputs.dtype == np.uint8):
            inputs = self.normalization(inputs)
        return inputs.reshape(-1, *shape).astype(np.float32, copy=False)

    def fed(self, inputs: Inputs, shape: tuple[int, ...]) -> Inputs:
        """Return inputs [N, ...] as a device gets them: pixels, features, or model inputs."""
        if self.normalization:
            return inputs.reshape(-1, *shape)
        return self.model_inputs(inputs, shape)

    @property
    def data(self) -> Dataset | NamedArrays | None:
        """The data to measure on, if there are any."""
        return self.dataset or self.named

    def test_inputs(self, model: TrainedModel) -> Arrays | None:
        """Return for each input of ``model`` float32 [N, *shape] to measure on, if any."""
        if self.named:
            return self.named.test
        return (self.model_inputs(self.dataset.x_test, model.shape),) if self.dataset else None


def prepare(model: TrainedModel, choices: Choices, conversion: Conversion) -> Job:
    """Load the data, and decide what ``choices`` leave open.

    Raises:
        DataError: the data cannot be loaded, or does not fit the model.
        ModelFileError: the scheme needs data, and nothing says what the model was trained on.
    """
    quantizing.check(model, conversion)
    choices = job_data.with_own_classes(choices, model)
    if len(model.input_specs) > 1:
        return _of_several(model, choices, conversion)
    metrics = metrics_file.read(model)
    stray = "" if metrics else metrics_file.stray(model)
    if stray and choices.data is None:
        raise DataError(f"{stray}: restore it, train again, or give --data")
    found = job_data.load_data(model, choices, metrics)
    decided, dataset, normal, warnings = (
        found.meaning,
        found.dataset,
        found.normal,
        [*found.warnings],
    )
    if stray:
        warnings.append(f"{stray}; it is not used")
    if model.file:
        warnings += metrics_file.lost(model.file)
    # Inputs alone say nothing of the classes.
    labels = (dataset.labels if dataset else ()) or choices.classes or ()
    if decided.task == MULTILABEL:
        labels = choices.classes or (dataset.columns if dataset else ())
    if decided.task == ANOMALY and (normal or not dataset):
        labels = ()  # those of the data, not of the output
    else:
        named = labels if decided.name != NUMBERS else choices.classes
        _require_labels_fit(model, decided, named)
    features = None
    if dataset is None or not dataset.pixels:
        features = metrics_file.normalization(metrics)
    pixels = None if features else _pixels(model, choices, metrics, decided, dataset)
    job = Job(
        meaning=decided,
        labels=labels,
        pixels=pixels,
        framing=dataset.framing if dataset else choices.framing or Metadata.framing,
        dataset=dataset,
        training=metrics_file.hyper_parameters(metrics),
        calibration=None,
        features=features,
        audio=(dataset.audio if dataset else None) or metrics_file.audio(metrics),
        normal=normal,
        as_read=found.as_read,
    )
    calibration = _calibration(model, choices, conversion, job)
    if pixels and pixels.warning:
        warnings.append(f"input range {pixels.low:g} to {pixels.high:g}: {pixels.warning}")
    return _calibrated(replace(job, warnings=tuple(warnings)), calibration)


def _require_labels_fit(
    model: TrainedModel, decided: Meaning, labels: tuple[str, ...] | None
) -> None:
    """Raise DataError unless there are as many labels as classes, and none for numbers."""
    if decided.name == NUMBERS and labels:
        raise DataError(
            f"--classes: the output of {model.path} is interpreted as numbers ({decided.reason}); "
            "leave --classes out" + ("" if model.several else ", or give --task classify")
        )
    classes = model.outputs if decided.task == MULTILABEL else max(2, model.outputs)
    if labels and len(labels) != classes:
        raise DataError(
            f"{model.path}: tells {classes} "
            f"{'labels' if decided.task == MULTILABEL else 'classes'} apart, but the data has "
            f"{len(labels)} ({', '.join(labels)}); name the right ones with --classes"
        )


def _of_calibration(calibration: CalibrationSet | None) -> tuple[str, ...]:
    """Return the warnings of a calibration set with its name."""
    if calibration is None:
        return ()
    return tuple(
        f"calibration set {calibration.source}: {warning}" for warning in calibration.warnings
    )


def _of_several(model: TrainedModel, choices: Choices, conversion: Conversion) -> Job:
    """Return the job of a model of several inputs, which are numbers on its own scale."""
    for option, value in ("--input-range", choices.input_range), ("--framing", choices.framing):
        if value:
            raise DataError(
                f"{option}: {model.path} has {len(model.input_specs)} inputs, and a file says only "
                f"of one input what pixels become; leave {option} out"
            )
    labels = choices.classes or ()
    decided = meaning.decide(model, choices.task, len(labels) or None)
    _require_labels_fit(model, decided, labels)
    job = Job(
        meaning=decided,
        labels=labels,
        pixels=None,
        framing=Metadata.framing,
        dataset=None,
        training=None,
        calibration=None,
        named=named_arrays.load(choices.data, model) if choices.data else None,
    )
    return _calibrated(job, _calibration(model, choices, conversion, job))


def recalibrated(model: TrainedModel, choices: Choices, conversion: Conversion, job: Job) -> Job:
    """Return the job of the same model and data for another conversion.

    Raises:
        DataError: the conversion does not fit the model, or cannot be calibrated.
    """
    quantizing.check(model, conversion)
    return _calibrated(job, _calibration(model, choices, conversion, job))


def _calibrated(job: Job, calibration: CalibrationSet | None) -> Job:
    """Return the job with another calibration set, and the warnings of that one."""
    outdated = _of_calibration(job.calibration)
    others = [warning for warning in job.warnings if warning not in outdated]
    return replace(job, calibration=calibration, warnings=(*others, *_of_calibration(calibration)))


def of_training(
    model: TrainedModel, conversion: Conversion, dataset: Dataset, metrics: dict[str, Any]
) -> Job:
    """Return the job of a model that was just trained, as ``edgekit train`` does.

    Args:
        model: the model.
        conversion: number format, target, calibration.
        dataset: the data that it was trained on.
        metrics: its "recipe", and its "tuning" where it was fine-tuned.
    """
    job = Job(
        meaning=meaning.decide(model, None, len(dataset.labels)),
        labels=dataset.labels,
        pixels=InputRange(*input_range.UNIT, TRAINED),
        framing=dataset.framing,
        dataset=dataset,
        training=metrics_file.hyper_parameters(metrics),
        calibration=None,
        audio=dataset.audio,
    )
    return replace(job, calibration=_calibration(model, Choices(), conversion, job))


def _pixels(
    model: TrainedModel,
    choices: Choices,
    metrics: dict[str, Any],
    decided: Meaning,
    dataset: Dataset | None,
) -> InputRange | None:
    """Decide what pixels become, where the input is an image and something decides it."""
    if not takes_images(model.shape):
        if choices.input_range:
            raise DataError(
                f"--input-range: {model.path} has inputs of shape {list(model.shape)}, which are "
                "not pixels"
            )
        return None
    values = _numeric_inputs(choices, dataset)
    if not choices.input_range and values is not None:
        recognised = input_range.of_inputs(values, model.forward)
        if recognised or (dataset and not dataset.pixels):
            return recognised
    attempt = None
    if dataset and dataset.pixels and dataset.labels and decided.name != NUMBERS:
        attempt = _attempt(model, decided, dataset)
    recorded = metrics.get("input_range")
    return input_range.decide(
        choices.input_range,
        tuple(recorded) if recorded else None,
        model.forward,
        attempt,
        guess=dataset is not None and dataset.pixels,
    )


def _numeric_inputs(choices: Choices, dataset: Dataset | None) -> Inputs | None:
    """Return some model inputs that the user supplied as numbers, if there are any."""
    if dataset:
        return None if dataset.pixels else dataset.x_train[:TRIED]
    if choices.calibration and choices.calibration.endswith(".npy"):
        array = read_array(choices.calibration)
        return array[:TRIED] if array.dtype.kind == "f" and array.size else None
    return None


def _attempt(model: TrainedModel, decided: Meaning, dataset: Dataset) -> Callable[[Range], Trial]:
    """Return a function that counts right answers when pixels become a range."""
    sampled = stratified(dataset.y_train, TRIED, seed=0)
    inputs, true = dataset.x_train[sampled].reshape(-1, *model.shape), dataset.y_train[sampled]

    def attempt(candidate: Range) -> Trial:
        outputs = model.predict(normalise(inputs, *InputRange(*candidate, "").normalization))
        answers = class_scores(outputs, decided.name).argmax(axis=1)
        return Trial(candidate, int(np.sum(answers == true)), len(true))

    return attempt


def _calibrates(model: TrainedModel, choices: Choices, conversion: Conversion) -> bool:
    """Return whether the conversion needs a calibration set.

    Raises:
        DataError: it does not, and --calibration names one.
    """
    source = choices.calibration
    if not conversion.calibrated:
        if source is not None:
            raise DataError(
                f"--calibration: only {' and '.join(CALIBRATED_SCHEMES)} use it, "
                f"not {conversion.scheme}"
            )
        return False
    if model.learned and conversion.scheme == "int8" and not conversion.quantizes_files:
        if source is not None:
            raise DataError(
                f"--calibration: {model.path} learned its ranges in quantisation-aware "
                "training; there is nothing to calibrate"
            )
        return False
    return True


def _nothing_to_calibrate(model: TrainedModel, conversion: Conversion) -> ModelFileError:
    several = ", an .npz with an array for each input" if len(model.input_specs) > 1 else ""
    return ModelFileError(
        f"{model.path}: {conversion.scheme} needs inputs to calibrate with, and nothing beside "
        f"the model says what it was trained on; give --data or --calibration{several}"
    )


def _calibration(
    model: TrainedModel, choices: Choices, conversion: Conversion, job: Job
) -> CalibrationSet | None:
    if not _calibrates(model, choices, conversion):
        return None
    source = choices.calibration
    if len(model.input_specs) > 1:
        return _of_named(model, source, conversion, job.named)
    expected = (job.pixels.low, job.pixels.high) if job.pixels else None
    size, seed = conversion.calibration_size, conversion.calibration_seed
    if source and source.endswith(".npy"):
        array = read_array(source)
        found = from_array(array, Path(source).name, model.shape, size, seed, expected)
        if not job.features:
            return found
        # In their own units, as all that runs the model gets them.
        return replace(found, inputs=(job.model_inputs(found.inputs[0], model.shape),))
    dataset = job.dataset
    if source:
        classes = choices.classes or (dataset.labels if dataset else None)
        numbers = job.meaning.name == NUMBERS or job.meaning.task == MULTILABEL
        recorded = dataset.reading if dataset else NOTHING_CHOSEN
        dataset = load(
            source,
            classes or None,
            model.shape,
            framing=job.framing,
            numbers=numbers,
            reading=completed(source, choices.reading, recorded, same=False),
            audio=job.audio,
        )
    if dataset is None:
        raise _nothing_to_calibrate(model, conversion)
    x, y = dataset.x_train, dataset.y_train
    if job.normal and dataset is job.dataset:
        x, y = x[y == 0], y[y == 0]  # what an anomaly detector has learned
    inputs = job.model_inputs(x, model.shape)
    groups = y if dataset.labels else np.zeros(len(inputs), np.int64)
    return from_inputs(
        inputs, groups, dataset.name, size, seed, expected if dataset.pixels else None
    )


def _of_named(
    model: TrainedModel, source: str | None, conversion: Conversion, named: NamedArrays | None
) -> CalibrationSet:
    """Return the calibration set of a model of several inputs."""
    size, seed = conversion.calibration_size, conversion.calibration_seed
    if source:
        return from_arrays(named_arrays.read(source, model), Path(source).name, size, seed)
    if named is None:
        raise _nothing_to_calibrate(model, conversion)
    return from_arrays(named.train, named.name, size, seed)
