"""Scores of several labels for each input, which do not exclude each other."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.meaning import MULTILABEL
from edgekit.benchmarks.result import Result, Subject
from edgekit.benchmarks.shown import WORST, shown
from edgekit.labelwise import HALF, score_labels
from edgekit.train.dataset import Dataset

Floats = npt.NDArray[np.float32]


def measure(subject: Subject, scores: Floats, dataset: Dataset, names: Sequence[str]) -> Result:
    """Compare probabilities float32 [N, K] with the dataset's targets, [N, K] of 0 and 1.

    The samples are the numbers of wrong labels of each input. The summary has the names of the
    labels, empty if they have none, and precision, recall, F1 and AUC of each, and the inputs with
    most wrong labels, as reports draw them.
    """
    targets: Floats = dataset.y_test
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
    columns = names or [f"label {number}" for number in range(targets.shape[1])]
    summary = {
        "task": MULTILABEL,
        "names": list(names),
        "exact": found.exact,
        "total": found.total,
        "per_label": found.per_label,
        "metrics": found.metrics,
        "pictures": [
            {
                "index": i,
                "true": _named(targets[i], columns),
                "answer": _named(scores[i], columns),
                "scores": [
                    [name, float(one)] for name, one in zip(columns, scores[i], strict=True)
                ],
                **shown(dataset, i),
            }
            for i in np.argsort(-wrong, kind="stable")[:WORST].tolist()
            if wrong[i]
        ],
    }
    return Result(subject, "labels", "labels", tuple(wrong.tolist()), summary)


def _named(values: Floats, names: Sequence[str]) -> str:
    """Return the names of the labels that are set."""
    return ", ".join(name for name, value in zip(names, values, strict=True) if value > HALF) or "–"
