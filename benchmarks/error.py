"""Error of numeric outputs: their distance from the targets."""

import numpy as np
import numpy.typing as npt

from edgekit.benchmarks.result import Result, Subject
from edgekit.scoring import errors

Floats = npt.NDArray[np.float32]


def measure(subject: Subject, outputs: Floats, targets: Floats) -> Result:
    """Compare ``outputs`` float32 [N, ...] with ``targets`` float32 [N, K].

    The samples are the mean absolute error of each input. The summary has RMSE, MAE and R², the
    share of the targets' variance that is explained: null if all targets are equal.
    """
    numbers = outputs.reshape(len(outputs), -1).astype(np.float64)
    if numbers.shape != targets.shape:
        reason = f"outputs of shape {list(numbers.shape)}, expected {list(targets.shape)}"
        return Result(subject, "error", "1", status="failed", reason=reason)
    if not np.isfinite(numbers).all():
        reason = "some outputs are not finite"
        return Result(subject, "error", "1", status="failed", reason=reason)
    absolute = np.abs(numbers - targets).mean(axis=1)
    found = errors(numbers, targets)
    summary = {**found, "total": len(numbers), "metrics": found}
    return Result(subject, "error", "1", tuple(absolute.tolist()), summary)
