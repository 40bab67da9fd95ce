"""How good a subject's outputs are: accuracy, error, or only that there are outputs."""

import numpy as np
import numpy.typing as npt

from edgekit.benchmarks import accuracy, error
from edgekit.benchmarks.dataset import NO_DATA
from edgekit.benchmarks.result import Result, Subject
from edgekit.train.dataset import Dataset


def measure(
    subject: Subject, outputs: npt.NDArray[np.float32], dataset: Dataset, several: str = ""
) -> Result:
    """Return the accuracy of scores, the error of numbers, or "outputs" if there is no truth.

    Args:
        subject: the subject.
        outputs: its scores or numbers, [N, ...].
        dataset: the dataset with the truth.
        several: why the model has no accuracy, if it has several inputs or outputs.
    """
    if dataset.labels:
        return accuracy.measure(subject, outputs, dataset)
    if dataset.y_test.size:
        return error.measure(subject, outputs, dataset.y_test)
    if not np.isfinite(outputs).all():
        reason = "some outputs are not finite"
        return Result(subject, "outputs", "1", status="failed", reason=reason)
    why = "no data" if dataset.source == NO_DATA else f"no labels and no targets in {dataset.name}"
    summary = {"inputs": len(outputs), "truth": several or why}
    return Result(subject, "outputs", "1", summary=summary)
