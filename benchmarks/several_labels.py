"""Scores of several labels for each input, which do not exclude each other."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.meaning import MULTILABEL
from edgekit.benchmarks.result import Result, Subject
from edgekit.labelwise import HALF, score_labels

Floats = npt.NDArray[np.float32]


def measure(subject: Subject, scores: Floats, targets: Floats, names: Sequence[str]) -> Result:
    """Compare probabilities float32 [N, K] with targets float32 [N, K] of 0 and 1.

    The samples are the numbers of wrong labels of each input. The summary has the names of the
    labels, empty if they have none, and precision, recall, F1 and AUC of each.
    """
    scores = scores.reshape(len(scores), -1)
    problem = ""
    if scores.shape != targets.shape:
        problem = f"scores of shape {list(scores.shape)}, expected {list(targets.shape)}"
    elif not np.isfinite(scores).all():
        problem = "some scores are not finite"
    if problem:
        return Result(subject, "labels", "labels", status="failed", reason=problem)
    found = score_labels(scores, targets)
    wrong = ((scores > HALF) != (targets > HALF)).sum(axis=1)
    summary = {
        "task": MULTILABEL,
        "names": list(names),
        "exact": found.exact,
        "total": found.total,
        "per_label": found.per_label,
        "metrics": found.metrics,
    }
    return Result(subject, "labels", "labels", tuple(wrong.tolist()), summary)
