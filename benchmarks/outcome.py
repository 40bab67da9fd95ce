"""How good a subject's outputs are: accuracy, error, or only that there are outputs."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge_runtime.meaning import MULTILABEL
from edgekit.benchmarks import accuracy, error, several_labels
from edgekit.benchmarks.dataset import NO_DATA
from edgekit.benchmarks.result import Result, Subject
from edgekit.benchmarks.usage import Usage
from edgekit.train.dataset import Dataset


def measure(
    subject: Subject,
    outputs: npt.NDArray[np.float32],
    dataset: Dataset,
    several: str = "",
    *,
    used: Usage | None = None,
) -> Result:
    """Return "accuracy" of classes, "labels" of several labels, "error" of numbers, or "outputs".

    The last is for data without a truth.

    Args:
        subject: the subject.
        outputs: its scores or numbers, or errors, [N, ...].
        dataset: the dataset with the truth.
        several: why the model has no accuracy, if it has several inputs or outputs.
        used: how the model is used; None for one whose highest score is the answer.
    """
    if dataset.labels:
        return accuracy.measure(subject, outputs, dataset, used)
    if used and used.task == MULTILABEL and dataset.y_test.size:
        return several_labels.measure(subject, outputs, dataset, used.labels)
    if used and used.rebuilds and dataset.source != NO_DATA:
        targets = used.scaled(dataset.x_test).reshape(len(outputs), -1)
        return error.measure(subject, outputs, replace(dataset, y_test=targets))
    if dataset.y_test.size:
        return error.measure(subject, outputs, dataset)
    if not np.isfinite(outputs).all():
        reason = "some outputs are not finite"
        return Result(subject, "outputs", "1", status="failed", reason=reason)
    why = "no data" if dataset.source == NO_DATA else f"no labels and no targets in {dataset.name}"
    summary = {"inputs": len(outputs), "truth": several or why}
    return Result(subject, "outputs", "1", summary=summary)
