"""Inputs of a conversion besides the model: data, labels, meaning, pixels, calibration."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.meaning import NUMBERS, class_scores
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import normalise
from edgekit import archives, stored
from edgekit.convert import input_range, meaning
from edgekit.convert.calibration import (
    CalibrationSet,
    FloatArray,
    from_array,
    from_inputs,
    stratified,
)
from edgekit.convert.conversion import CALIBRATED_SCHEMES, Conversion
from edgekit.convert.input_range import TRAINED, InputRange, Range, Trial
from edgekit.convert.meaning import Meaning
from edgekit.convert.source import TrainedModel
from edgekit.errors import DataError, ModelFileError
from edgekit.files import KERAS_MODEL, METRICS
from edgekit.train.data import load
from edgekit.train.dataset import Dataset, Inputs, takes_images
from edgekit.train.finetune.recipe import STAGES

SETTINGS = {str: (bool, float, str, None)}
METRICS_SHAPE = {
    "data?": {"source?": (str, None), "classes": [str], "sha256?": str, "framing?": str},
    "recipe?": (SETTINGS, None),
    "tuning?": ({"recipe": SETTINGS}, None),
    "input_range?": ([float, float], None),
}
"""Types of the entries of metrics.json that are read."""

TRIED = 1000
"""Training inputs to try pixel ranges on: the 95 % interval is 6 % wide at most."""


@dataclass(frozen=True)
class Choices:
    """The user's choices about the model and its data; None leaves one to ``prepare``.

    Attributes:
        data: a source for ``edgekit.train.data.load``.
        classes: class names in the order of the scores.
        task: one of ``conversion.TASKS``.
        framing: how images are brought to the model's size.
        input_range: what pixels 0 and 255 are on the model's scale.
        calibration: a source of inputs, or an .npy of model inputs.
    """

    data: str | None = None
    classes: tuple[str, ...] | None = None
    task: str | None = None
    framing: str | None = None
    input_range: Range | None = None
    calibration: str | None = None


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
        training: the hyper-parameters and the seed, where they are known.
        calibration: calibration set, for the schemes that need one.
        warnings: possible problems, a line each.
    """

    meaning: Meaning
    labels: tuple[str, ...]
    pixels: InputRange | None
    framing: str
    dataset: Dataset | None
    training: dict[str, Any] | None
    calibration: CalibrationSet | None
    warnings: tuple[str, ...] = ()

    @property
    def metadata(self) -> Metadata:
        """Metadata of the converted file, without the provenance."""
        mean, std = self.pixels.normalization if self.pixels else (None, None)
        return Metadata(
            labels=self.labels,
            mean=() if mean is None else (mean,),
            std=() if std is None else (std,),
            framing=self.framing,
            meaning=self.meaning.name,
        )

    def model_inputs(self, inputs: Inputs, shape: tuple[int, ...]) -> FloatArray:
        """Return inputs [N, ...] of the dataset on the model's scale: float32 [N, *shape]."""
        if self.pixels and inputs.dtype == np.uint8:
            inputs = normalise(inputs, *self.pixels.normalization)
        return inputs.reshape(-1, *shape).astype(np.float32, copy=False)


def prepare(model: TrainedModel, choices: Choices, conversion: Conversion) -> Job:
    """Load the data, and decide what ``choices`` leave open.

    Raises:
        DataError: the data cannot be loaded, or does not fit the model.
        ModelFileError: the scheme needs data, and nothing says what the model was trained on.
    """
    metrics = metrics_of(model)
    stray = "" if metrics else _stray_metrics(model)
    if stray and choices.data is None:
        raise DataError(f"{stray}: restore it, train again, or give --data")
    decided, dataset, warnings = _loaded(model, choices, metrics)
    if stray:
        warnings.append(f"{stray}; it is not used")
    if decided.name == NUMBERS and choices.classes:
        raise DataError(
            f"--classes: the output of {model.path} is interpreted as numbers ({decided.reason}); "
            "leave --classes out, or give --task classification"
        )
    labels = dataset.labels if dataset else choices.classes or ()
    classes = max(2, model.outputs)
    if decided.name != NUMBERS and labels and len(labels) != classes:
        raise DataError(
            f"{model.path}: tells {classes} classes apart, but the data has {len(labels)} "
            f"({', '.join(labels)}); name the right ones with --classes"
        )
    pixels = _pixels(model, choices, metrics, decided, dataset)
    job = Job(
        meaning=decided,
        labels=labels,
        pixels=pixels,
        framing=dataset.framing if dataset else choices.framing or Metadata.framing,
        dataset=dataset,
        training=hyper_parameters(metrics),
        calibration=None,
    )
    calibration = _calibration(model, choices, conversion, job)
    if pixels and pixels.warning:
        warnings.append(f"input range {pixels.low:g} to {pixels.high:g}: {pixels.warning}")
    if calibration:
        name = f"calibration set {calibration.source}"
        warnings += [f"{name}: {warning}" for warning in calibration.warnings]
    return replace(job, calibration=calibration, warnings=tuple(warnings))


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
        training=hyper_parameters(metrics),
        calibration=None,
    )
    return replace(job, calibration=_calibration(model, Choices(), conversion, job))


def metrics_of(model: TrainedModel) -> dict[str, Any]:
    """Return the metrics that ``edgekit train`` or ``tune`` wrote with this model, or {}.

    Raises:
        ModelFileError: the file is damaged.
    """
    metrics = _metrics_beside(model)
    if metrics.get("model_sha256") != model.sha256:
        return {}
    problem = stored.problem(metrics, METRICS_SHAPE)
    if not problem and (bounds := metrics.get("input_range")) and not bounds[0] < bounds[1]:
        problem = "input_range: expected the smaller number first"
    if problem:
        path = model.path.parent / METRICS
        raise ModelFileError(f"{path}: damaged: {problem}: restore it, or move it away")
    return metrics


def _stray_metrics(model: TrainedModel) -> str:
    """Return that metrics.json belongs to another model.keras; "" where it does not."""
    if model.path.name != KERAS_MODEL or "model_sha256" not in _metrics_beside(model):
        return ""
    return f"{model.path.parent / METRICS}: belongs to another {KERAS_MODEL}: its digest differs"


def _metrics_beside(model: TrainedModel) -> dict[str, Any]:
    path = model.path.parent / METRICS
    if not path.is_file():
        return {}
    try:
        metrics = stored.parse(path.read_bytes())
    except ValueError as error:
        raise ModelFileError(f"{path}: damaged ({error}): restore it, or move it away") from None
    return metrics if isinstance(metrics, dict) else {}


def hyper_parameters(metrics: dict[str, Any]) -> dict[str, Any] | None:
    """Return how the model was trained and fine-tuned, for the .tflite's provenance."""
    recipe, tuning = metrics.get("recipe"), metrics.get("tuning")
    if recipe:
        # Fine-tuning, after training or later, is in ``tuning``.
        recipe = {name: value for name, value in recipe.items() if name not in STAGES}
    return {**(recipe or {}), "tuning": tuning["recipe"]} if tuning else recipe


def _loaded(
    model: TrainedModel, choices: Choices, metrics: dict[str, Any]
) -> tuple[Meaning, Dataset | None, list[str]]:
    """Decide what the output means and load the data; each depends on the other."""
    trained_on = metrics.get("data", {})
    source, classes = choices.data or trained_on.get("source"), choices.classes
    decided = meaning.decide(model, choices.task, len(classes) if classes else None)
    if source is None:
        return decided, None, []
    framing = choices.framing or Metadata.framing
    if source == trained_on.get("source"):
        classes = classes or tuple(trained_on["classes"])
        framing = choices.framing or trained_on.get("framing", framing)
    # Targets whose type fits both classes and numbers decide, unless something else has.
    numbers = None if decided.name == NUMBERS and not choices.task else decided.name == NUMBERS
    dataset = load(source, classes, model.shape, framing=framing, numbers=numbers)
    decided = meaning.decide(model, choices.task, len(dataset.labels) or None)
    if decided.name == NUMBERS and dataset.labels:
        dataset = load(source, classes, model.shape, framing=framing, numbers=True)
    warnings = []
    if choices.data is None and dataset.sha256 != trained_on.get("sha256"):
        warnings.append(f"{source} is no longer what the model was trained on (its digest differs)")
    return decided, dataset, warnings


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
    if dataset and dataset.pixels and dataset.labels:
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
        array = _array(choices.calibration)
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


def _calibration(
    model: TrainedModel, choices: Choices, conversion: Conversion, job: Job
) -> CalibrationSet | None:
    source = choices.calibration
    if not conversion.calibrated:
        if source is not None:
            raise DataError(
                f"--calibration: only {' and '.join(CALIBRATED_SCHEMES)} use it, "
                f"not {conversion.scheme}"
            )
        return None
    if model.learned and conversion.scheme == "int8":
        if source is not None:
            raise DataError(
                f"--calibration: {model.path} learned its ranges in quantisation-aware "
                "training; there is nothing to calibrate"
            )
        return None
    expected = (job.pixels.low, job.pixels.high) if job.pixels else None
    size, seed = conversion.calibration_size, conversion.calibration_seed
    if source and source.endswith(".npy"):
        return from_array(_array(source), Path(source).name, model.shape, size, seed, expected)
    dataset = job.dataset
    if source:
        classes = choices.classes or (dataset.labels if dataset else None)
        numbers = job.meaning.name == NUMBERS
        dataset = load(source, classes or None, model.shape, framing=job.framing, numbers=numbers)
    if dataset is None:
        raise ModelFileError(
            f"{model.path}: {conversion.scheme} needs inputs to calibrate with, and nothing beside "
            "the model says what it was trained on; give --data or --calibration"
        )
    inputs = job.model_inputs(dataset.x_train, model.shape)
    groups = dataset.y_train if dataset.labels else np.zeros(len(inputs), np.int64)
    return from_inputs(
        inputs, groups, dataset.name, size, seed, expected if dataset.pixels else None
    )


def _array(source: str) -> Inputs:
    try:
        array = np.load(source, allow_pickle=False)
    except archives.DAMAGED_ARRAY as error:
        raise DataError(
            f"{source}: not a readable .npy array ({archives.no_array(error)})"
        ) from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{source}: is an .npz; --calibration needs one .npy array")
    return array
