"""Error of numeric outputs: their distance from the targets."""

import numpy as np
import numpy.typing as npt

from edgekit.benchmarks.result import Result, Subject
from edgekit.benchmarks.shown import WORST, shown
from edgekit.scoring import errors, target_errors
from edgekit.train.dataset import Dataset

Floats = npt.NDArray[np.float32]


MOST_NUMBERS = 4
"""Most outputs whose numbers are shown."""


def measure(subject: Subject, outputs: Floats, dataset: Dataset) -> Result:
    """Compare ``outputs`` float32 [N, ...] with the dataset's targets float32 [N, K].

    The samples are the mean absolute error of each input. The summary has RMSE, MAE and R², the
    share of the targets' variance that is explained: null if all targets are equal; the same of
    each of several targets; and the inputs whose numbers are furthest from their targets, as
    reports draw them.
    """
    targets: Floats = dataset.y_test
    numbers = outputs.reshape(len(outputs), -1).astype(np.float64)
    if numbers.shape != targets.shape:
        reason = f"outputs of shape {list(numbers.shape)}, expected {list(targets.shape)}"
        return Result(subject, "error", "1", status="failed", reason=reason)
    if not np.isfinite(numbers).all():
        reason = "some outputs are not finite"
        return Result(subject, "error", "1", status="failed", reason=reason)
    absolute = np.abs(numbers - targets).mean(axis=1)
    found = errors(numbers, targets)
    pictures = [
        {"index": i, "true": _text(targets[i]), "answer": _text(numbers[i]), **shown(dataset, i)}
        for i in np.argsort(-absolute, kind="stable")[:WORST].tolist()
        if absolute[i] > 0
    ]
    each = target_errors(numbers, targets, dataset.columns)
    summary = {
        **found,
        "targets": each,
        "total": len(numbers),
        "metrics": found,
        "pictures": pictures,
    }
    return Result(subject, "error", "1", tuple(absolute.tolist()), summary)


def _text(values: npt.NDArray[np.floating]) -> str:
    shown_values = [f"{value:.4g}" for value in values[:MOST_NUMBERS].tolist()]
    return ", ".join([*shown_values, *(["…"] if len(values) > MOST_NUMBERS else [])])
