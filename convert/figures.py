"""How good the answers are before and after a conversion, as parts of its report."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.convert.calibration import Arrays
from edgekit.labelwise import LabelScores, score_labels
from edgekit.ranking import auc, second_over_first
from edgekit.scoring import Score, score, target_errors
from edgekit.scoring import errors as errors_of
from edgekit.train.anomalies import Normal

Scores = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def answers(
    before: Scores, after: Scores, true: Labels, decided: tuple[Labels, Labels] | None = None
) -> dict[str, Any]:
    """Compare the scores [N, classes] of the Keras model and of the converted one.

    Args:
        before: scores of the Keras model.
        after: scores of the converted model.
        true: the classes, int64 [N].
        decided: the classes that a threshold decides, before and after; None where the higher score
            does.
    """
    classes = before.shape[1]
    first, second = decided or (before.argmax(axis=1), after.argmax(axis=1))
    agreeing = int(np.sum(first == second))
    return {
        "before": _measured(score(first, true, classes), before, true),
        "after": _measured(score(second, true, classes), after, true),
        "agreement": {
            "agreeing": agreeing,
            "total": len(true),
            "share": agreeing / len(true),
            "differing": [int(i) for i in np.flatnonzero(first != second)],
            "largest_score_difference": float(np.abs(before - after).max()),
        },
        "ties": {"before": _ties(before), "after": _ties(after)},
    }


def numbers(
    before: Floats, after: Floats, targets: Floats | None, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Compare the numbers [N, ...] of the Keras model and of the converted one.

    Args:
        before: numbers of the Keras model.
        after: numbers of the converted model.
        targets: expected numbers, float32 [N, outputs]; None where they are not known.
        names: names of the targets, empty if they have none; None where the numbers are one thing,
            such as an image, whose figures one by one say nothing.
    """
    first, second = (a.reshape(len(a), -1).astype(np.float64) for a in (before, after))
    difference = second - first
    return {
        "total": len(first),
        "before": None if targets is None else errors_of(first, targets),
        "after": None if targets is None else errors_of(second, targets),
        "targets": [] if targets is None or names is None else _each(first, second, targets, names),
        "difference": {
            "largest": float(np.abs(difference).max()),
            "rms": float(np.sqrt(np.mean(difference**2))),
            "spread": float(first.std()),
        },
    }


def _each(
    before: npt.NDArray[np.float64],
    after: npt.NDArray[np.float64],
    targets: Floats,
    names: Sequence[str],
) -> list[dict[str, Any]]:
    """Return the errors of each of several targets before and after."""
    pairs = zip(
        target_errors(before, targets, names), target_errors(after, targets, names), strict=True
    )
    return [
        {"name": first.pop("name"), "before": first, "after": {k: second[k] for k in first}}
        for first, second in pairs
    ]


def outputs(names: Sequence[str], before: Arrays, after: Arrays) -> list[dict[str, Any]]:
    """Compare each output of the Keras model and of the converted one, [N, ...], by name."""
    return [
        {
            "name": name,
            "total": len(first),
            "difference": numbers(first, second, None)["difference"],
        }
        for name, first, second in zip(names, before, after, strict=True)
    ]


def labels(names: Sequence[str], before: Scores, after: Scores, targets: Floats) -> dict[str, Any]:
    """Compare the scores [N, K] of K independent labels before and after.

    Args:
        names: names of the labels; empty if they have none.
        before: scores of the Keras model.
        after: scores of the converted model.
        targets: float32 [N, K] of 0 and 1.
    """
    return {
        "names": list(names),
        "before": _of_labels(score_labels(before, targets)),
        "after": _of_labels(score_labels(after, targets)),
        "largest_score_difference": float(np.abs(before - after).max()),
    }


def anomalies(
    before: npt.NDArray[np.float64],
    after: npt.NDArray[np.float64],
    threshold: float | None,
    truth: tuple[Normal, Sequence[str], Labels] | None,
) -> dict[str, Any]:
    """Compare how far inputs are from what is rebuilt of them, before and after.

    Args:
        before: mean squared errors of the Keras model, [N].
        after: those of the converted one.
        threshold: the error above which an input is an anomaly; None where nothing says it.
        truth: which classes are normal, the names of normal inputs and anomalies, and for each
            input 1 for an anomaly; None where the data do not say it.
    """
    normal, names, is_anomaly = truth or (None, (), None)
    return {
        "names": list(names),
        "reason": normal.reason if normal else None,
        **{
            when: _of_errors(errors, threshold, is_anomaly)
            for when, errors in (("before", before), ("after", after))
        },
    }


def _measured(result: Score, scores: Scores, true: Labels) -> dict[str, Any]:
    found = dict(result.metrics)
    area = auc(second_over_first(scores), true) if scores.shape[1] == 2 else None
    return _of_score(result, found if area is None else {**found, "auc": area})


def _of_score(result: Score, found: dict[str, float]) -> dict[str, Any]:
    return {
        "accuracy": result.accuracy,
        "accuracy_95": list(result.interval),
        "correct": result.correct,
        "total": result.total,
        "wrong": list(result.wrong),
        "confusion": [list(row) for row in result.confusion],
        "per_class": [asdict(one) for one in result.per_class],
        "metrics": found,
    }


def _of_labels(result: LabelScores) -> dict[str, Any]:
    return {
        "exact": result.exact,
        "total": result.total,
        "per_label": result.per_label,
        "metrics": result.metrics,
    }


def _of_errors(
    errors: npt.NDArray[np.float64], threshold: float | None, is_anomaly: Labels | None
) -> dict[str, Any]:
    above = None if threshold is None else errors > threshold
    found: dict[str, float] = {}
    judged = None
    if is_anomaly is not None:
        if above is not None:
            result = score(above, is_anomaly, 2)
            found = dict(result.metrics)
            judged = _of_score(result, found)
        if (area := auc(errors, is_anomaly)) is not None:
            found["auc"] = area
    return {
        "total": len(errors),
        "mean_error": float(errors.mean()),
        "above": None if above is None else int(above.sum()),
        "judged": judged,
        "metrics": found,
    }


def _ties(scores: Scores) -> int:
    """Count the answers whose top score another class shares: argmax then picks the first."""
    return int(np.sum((scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1))
