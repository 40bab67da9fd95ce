"""Measuring a converted model on the test inputs, beside the model that it was converted from."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.errors import BackendError, ModelError
from edge_runtime.meaning import ANOMALY, MULTILABEL, NUMBERS, REGRESS, class_scores, margins
from edgekit.convert import figures
from edgekit.convert.calibration import Arrays, FloatArray
from edgekit.convert.changes import changed
from edgekit.convert.job import Job
from edgekit.convert.source import TrainedModel
from edgekit.errors import DataError, ModelFileError
from edgekit.ranking import Threshold
from edgekit.train.dataset import Dataset, Inputs


@dataclass(frozen=True)
class Measured:
    """Figures before and after a conversion, as parts of its report; None where they do not apply.

    Attributes:
        accuracy: of classes.
        numbers: of numbers, an autoencoder's among them.
        outputs: of several outputs.
        labels: of several labels.
        anomalies: of an anomaly detector.
        inputs: test inputs that are answered wrong or change most, of a model of one input and one
            output; see ``changes.changed``.
    """

    accuracy: dict[str, Any] | None = None
    numbers: dict[str, Any] | None = None
    outputs: list[dict[str, Any]] | None = None
    labels: dict[str, Any] | None = None
    anomalies: dict[str, Any] | None = None
    inputs: list[dict[str, Any]] = field(default_factory=list)


def measured(
    trained: TrainedModel, model: bytes, job: Job, test: Arrays, threshold: Threshold | None
) -> Measured:
    """Compare the answers to the test inputs before and after.

    Args:
        trained: what was converted.
        model: the converted model.
        job: the data, and the meaning of the output.
        test: for each input float32 [N, *shape].
        threshold: what decides between two classes, or normal inputs and anomalies.

    Raises:
        ModelFileError: a model answers NaN, or the converted one cannot be run.
        DataError: the data has other targets than the model outputs.
    """
    before = trained.run(test)
    _require_numbers(before, f"{trained.path}: its weights are finite, but its answers")
    # A device gets pixels or features, where the data has them.
    fed = (job.dataset.x_test,) if job.dataset and job.normalization else test
    errors = None
    with opened(trained, model) as running:
        after = predicted(trained, running, fed)
        if job.meaning.task == ANOMALY and job.dataset:
            errors = running.score(fed[0].reshape(-1, *running.input.shape[1:]))
    _require_numbers(after, f"{trained.path}: the answers of the converted model")
    if trained.several:
        names = [spec.name for spec in trained.output_specs]
        return Measured(outputs=figures.outputs(names, before, after))
    if job.dataset is None:
        return Measured()
    if job.meaning.name != NUMBERS:
        return _of_scores(job, job.dataset, before[0], after[0], threshold)
    columns = job.dataset.columns
    targets = _targets(trained, job.dataset, test[0])
    each = columns if job.meaning.task == REGRESS else None
    numbers = figures.numbers(before[0], after[0], targets, each)
    if errors is None:
        return Measured(numbers=numbers, inputs=changed(before[0], after[0], columns))
    anomalies, inputs = _of_anomalies(job, job.dataset, test[0], before[0], errors, threshold)
    return Measured(numbers=numbers, anomalies=anomalies, inputs=inputs)


def _of_scores(
    job: Job,
    dataset: Dataset,
    before: FloatArray,
    after: FloatArray,
    threshold: Threshold | None,
) -> Measured:
    """Return the figures of classes or labels of outputs [N, ...] before they become scores."""
    meaning, task = job.meaning.name, job.meaning.task
    first, second = (class_scores(outputs, meaning, task) for outputs in (before, after))
    if task == MULTILABEL:
        if not dataset.y_test.size:
            return Measured()
        return Measured(
            labels=figures.labels(job.labels, first, second, dataset.y_test),
            inputs=changed(first, second, job.labels),
        )
    if not job.labels:
        numbers = figures.numbers(first, second, None)
        return Measured(numbers=numbers, inputs=changed(first, second, ()))
    decided = None
    if threshold:
        chosen = [margins(outputs, meaning) > threshold.value for outputs in (before, after)]
        decided = (chosen[0].astype(np.int64), chosen[1].astype(np.int64))
    answers = figures.answers(first, second, dataset.y_test, decided)
    wrong = answers["after"]["wrong"]
    return Measured(accuracy=answers, inputs=changed(first, second, job.labels, wrong))


def _of_anomalies(
    job: Job,
    dataset: Dataset,
    inputs: FloatArray,
    before: FloatArray,
    after: npt.NDArray[np.float64],
    threshold: Threshold | None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the figures of an anomaly detector, and the inputs whose errors change most.

    Args:
        job: which classes are normal.
        dataset: the data.
        inputs: test inputs on the model's scale, [N, ...].
        before: what the Keras model rebuilds of them, [N, ...].
        after: errors of the converted model, [N].
        threshold: the error above which an input is an anomaly.
    """
    difference = before.reshape(len(before), -1).astype(np.float64)
    difference -= inputs.reshape(len(inputs), -1)
    errors = (difference**2).mean(axis=1)
    truth = (job.normal, dataset.labels, dataset.y_test) if job.normal else None
    found = figures.anomalies(errors, after, threshold.value if threshold else None, truth)
    judged = found["after"]["judged"]
    wrong = judged["wrong"] if judged else ()
    return found, changed(errors, after, ["error"], wrong)


def _targets(trained: TrainedModel, dataset: Dataset, inputs: FloatArray) -> FloatArray | None:
    """Return what the outputs of the test inputs should be, float32 [M, outputs], if known.

    Raises:
        DataError: there are other targets than outputs.
    """
    # Normal inputs and anomalies are no targets.
    width = 0 if dataset.labels else dataset.y_test.shape[1]
    if width not in (0, trained.outputs):
        raise DataError(
            f"{dataset.source}: has {width} targets for an input, and {trained.path} gives "
            f"{trained.outputs} numbers"
        )
    if width:
        targets: FloatArray = np.asarray(dataset.y_test, np.float32)
        return targets
    # Without targets, the targets of an autoencoder are its inputs.
    return inputs.reshape(len(inputs), -1) if trained.rebuilds_input else None


@contextmanager
def opened(trained: TrainedModel, model: bytes) -> Iterator[edge_runtime.Model]:
    """Open a converted model on LiteRT.

    Raises:
        ModelFileError: it cannot be run.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(model)
        try:
            with edge_runtime.load(path, backend="litert") as running:
                yield running
        except (BackendError, ModelError) as error:
            reason = str(error).removeprefix(f"{path}: ")
            raise ModelFileError(
                f"{trained.path}: was converted, but its accuracy cannot be measured: {reason}"
            ) from error


def predicted(
    trained: TrainedModel, running: edge_runtime.Model, inputs: tuple[Inputs, ...]
) -> Arrays:
    """Return each output of the converted model for pixels or for inputs on its scale.

    Args:
        trained: what it was converted from.
        running: the converted model.
        inputs: for each input [N, ...].
    """
    if not trained.several:
        return (running._numbers(inputs[0].reshape(-1, *running.input.shape[1:])),)
    names = [spec.name for spec in trained.input_specs]
    batch = inputs[0].reshape(-1, *running.input.shape[1:]) if len(inputs) == 1 else None
    outputs = running.predict(dict(zip(names, inputs, strict=True)) if batch is None else batch)
    if len(trained.output_specs) == 1:
        return (outputs,)
    return tuple(outputs[spec.name] for spec in trained.output_specs)


def _require_numbers(answers: Arrays, whose: str) -> None:
    """Raise ModelFileError where a row of answers has NaN in it."""
    rows = np.hstack([answer.reshape(len(answer), -1) for answer in answers])
    wrong = int(np.isnan(rows).any(axis=1).sum())
    if wrong:
        raise ModelFileError(
            f"{whose} to {wrong} of {len(rows)} test inputs are NaN: an overflow, or a "
            "logarithm or a division of 0; is the scale of the inputs (--input-range) right?"
        )
