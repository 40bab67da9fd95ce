"""Accuracy on the test inputs: right answers, and pictures of those that are answered wrong."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.meaning import PROBABILITIES
from edgekit.benchmarks.result import Result, Subject
from edgekit.benchmarks.shown import shown
from edgekit.benchmarks.usage import Usage
from edgekit.ranking import auc, second_over_first
from edgekit.scoring import score
from edgekit.train.dataset import Dataset

PICTURES = 24
"""Most wrongly answered inputs that a result contains and the report shows."""

HIGHEST = 3
"""Number of classes whose scores are shown, besides the true one."""


def measure(
    subject: Subject,
    scores: npt.NDArray[np.float32],
    dataset: Dataset,
    used: Usage | None = None,
) -> Result:
    """Score ``scores`` float32 [N, classes] against the N test images' classes.

    The samples are the answered class indices; the summary has the score, the confusion matrix
    (rows predicted, columns true), precision, recall and F1 of each class, and the wrongly answered
    inputs with their scores, as reports draw them.

    Args:
        subject: the subject.
        scores: scores of the classes, or errors of an anomaly detector, [N, 1].
        dataset: the dataset with the truth.
        used: how the model is used; None for one whose highest score is the answer.
    """
    scores = scores.reshape(len(scores), -1)
    used = used or Usage((), (), PROBABILITIES, "")
    if used.detects and used.threshold is None:
        truth = "the file has no threshold, and the data have no held-out part to choose one on"
        return Result(subject, "outputs", "1", summary={"inputs": len(scores), "truth": truth})
    expected = (len(dataset.x_test), 1 if used.detects else len(dataset.labels))
    if scores.shape != expected:
        reason = f"scores of shape {list(scores.shape)}, expected {list(expected)}"
        return Result(subject, "accuracy", "class", status="failed", reason=reason)
    if not np.isfinite(scores).all():
        reason = "some scores are not finite"
        return Result(subject, "accuracy", "class", status="failed", reason=reason)
    answers = used.decide(scores)
    area = _area(scores, dataset.y_test, used)
    outcome = score(answers, dataset.y_test, len(dataset.labels))
    return Result(
        subject,
        "accuracy",
        "class",
        samples=tuple(answers.tolist()),
        summary={
            "accuracy": outcome.accuracy,
            "interval": list(outcome.interval),
            "correct": outcome.correct,
            "total": outcome.total,
            "confusion": [list(row) for row in outcome.confusion],
            "wrong": list(outcome.wrong),
            "task": used.task or None,
            "threshold": used.threshold,
            "per_class": [asdict(one) for one in outcome.per_class],
            "metrics": outcome.metrics | ({} if area is None else {"auc": area}),
            "pictures": [
                {
                    "index": i,
                    "true": dataset.labels[dataset.y_test[i]],
                    "answer": dataset.labels[answers[i]],
                    "scores": _scores(scores[i], dataset.y_test[i], dataset.labels, used),
                    **shown(dataset, i),
                }
                for i in outcome.wrong[:PICTURES]
            ],
        },
    )


def _area(scores: npt.NDArray[Any], true: npt.NDArray[Any], used: Usage) -> float | None:
    """Return the area under the ROC curve, where there are two classes."""
    if used.detects:
        return auc(scores[:, 0], true)
    return auc(second_over_first(scores), true) if scores.shape[1] == 2 else None


def _scores(
    scores: npt.NDArray[Any], true: int, labels: Sequence[str], used: Usage
) -> list[list[Any]]:
    """Return the names and scores of the highest classes and of the true one; or the error."""
    if used.detects:
        return [["error", float(scores[0])]]
    highest = np.argsort(-scores, kind="stable")[:HIGHEST].tolist()
    return [[labels[i], float(scores[i])] for i in dict.fromkeys([*highest, int(true)])]
