"""Scores of answers: accuracy with its 95 % interval, confusion, precision, recall, F1; error."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the standard normal distribution."""

MOST_TARGETS = 32
"""Most targets that have figures of their own."""


@dataclass(frozen=True)
class ClassScore:
    """How well one class, or one of several labels, is told apart from the others.

    Attributes:
        precision: share of the inputs answered so that are so; None if none was answered so.
        recall: share of the inputs that are so that were answered so; None if none is so.
        f1: harmonic mean of the two, 2 TP / (2 TP + FP + FN); None if none is so or was
            answered so.
    """

    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class Score:
    """A classifier's answers compared with the truth.

    Attributes:
        correct: number of right answers.
        total: number of answers.
        interval: Wilson 95 % interval of the accuracy.
        confusion: ``[classes][classes]`` counts; rows are predicted classes, columns true ones.
            With two classes and the first one positive that reads TP, FP / FN, TN.
        wrong: indices of the wrong answers.
    """

    correct: int
    total: int
    interval: tuple[float, float]
    confusion: tuple[tuple[int, ...], ...]
    wrong: tuple[int, ...]

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0 to 1."""
        return self.correct / self.total

    @property
    def per_class(self) -> tuple[ClassScore, ...]:
        """Precision, recall and F1 of each class."""
        return tuple(
            class_score(row[i], sum(row), sum(other[i] for other in self.confusion))
            for i, row in enumerate(self.confusion)
        )

    @property
    def metrics(self) -> dict[str, float]:
        """The figures that a gate may be set on, see ``edgekit.limits``."""
        return {"accuracy": self.accuracy, **over_classes(self.per_class)}


def class_score(right: int, answered: int, true: int) -> ClassScore:
    """Return the score of a class.

    Args:
        right: number of true positives.
        answered: number of inputs that were answered so.
        true: number of inputs that are so.
    """
    return ClassScore(
        precision=right / answered if answered else None,
        recall=right / true if true else None,
        f1=2 * right / (answered + true) if answered + true else None,
    )


def over_classes(scores: Sequence[ClassScore]) -> dict[str, float]:
    """Return the figures of all classes or labels together.

    Returns:
        "f1", the mean of all F1 (macro F1); "precision" and "recall", the least of all. A class
        that was never answered has a precision of 0. Classes that no input has are left out; a
        figure that no class has is, too.
    """
    present = [one for one in scores if one.recall is not None]
    if not present:
        return {}
    return {
        "f1": sum(one.f1 or 0.0 for one in present) / len(present),
        "precision": min(one.precision or 0.0 for one in present),
        "recall": min(one.recall or 0.0 for one in present),
    }


def score(predicted: npt.ArrayLike, true: npt.ArrayLike, classes: int) -> Score:
    """Score class indices ``predicted`` [N] against ``true`` [N]."""
    predicted, true = np.asarray(predicted, np.int64), np.asarray(true, np.int64)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (predicted, true), 1)
    correct = int(np.trace(confusion))
    return Score(
        correct=correct,
        total=len(true),
        interval=wilson_interval(correct, len(true)),
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        wrong=tuple(int(i) for i in np.flatnonzero(predicted != true)),
    )


def errors(outputs: npt.NDArray[np.float64], targets: npt.NDArray[Any]) -> dict[str, float | None]:
    """Return the errors of numbers [N, K] compared with their targets [N, K].

    Returns:
        "rmse"; "mae"; "r2", the share of the targets' variance that is explained, None where all
        targets are the same.
    """
    residual = outputs - targets
    squared = float(np.mean(residual**2))
    variance = float(np.mean((targets - targets.mean(axis=0, dtype=np.float64)) ** 2))
    return {
        "rmse": sqrt(squared),
        "mae": float(np.abs(residual).mean()),
        "r2": 1 - squared / variance if variance else None,
    }


def target_errors(
    outputs: npt.NDArray[np.float64], targets: npt.NDArray[Any], names: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return the ``errors`` of each of several targets [N, K], with its "name".

    One number for all of them is that of the target with the largest numbers. Empty for one target,
    and for more than MOST_TARGETS, as an image has.

    Args:
        outputs: numbers of a model.
        targets: what they should be.
        names: names of the targets; empty if they have none, which are then called by position.
    """
    count = targets.shape[1]
    if not 1 < count <= MOST_TARGETS:
        return []
    return [
        {"name": name, **errors(outputs[:, at, None], targets[:, at, None])}
        for at, name in enumerate(names or map(str, range(count)))
    ]


def wilson_interval(successes: int, total: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927). Unlike the normal approximation it stays inside [0, 1] and has a width at
    2115 of 2115.
    """
    if total == 0:
        return 0.0, 1.0
    share = successes / total
    centre = share + Z_95**2 / (2 * total)
    spread = Z_95 * sqrt(share * (1 - share) / total + Z_95**2 / (4 * total**2))
    scale = 1 + Z_95**2 / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def paired_interval(both: int, first: int, second: int, neither: int) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two proportions on the same inputs.

    Source: R. G. Newcombe, "Improved confidence intervals for the difference between binomial
    proportions based on paired data", Statistics in Medicine 17 (1998), method 10: the two Wilson
    intervals joined with the answers' correlation. Unlike the Wald interval it has a width where
    no answer differs.

    Args:
        both: number of inputs on which both are right.
        first: number of inputs on which only the first is right.
        second: number of inputs on which only the second is right.
        neither: number of inputs on which none is right.

    Returns:
        Interval of the first's share minus the second's.
    """
    total = both + first + second + neither
    if total == 0:
        return -1.0, 1.0
    share_1, share_2 = (both + first) / total, (both + second) / total
    low_1, high_1 = wilson_interval(both + first, total)
    low_2, high_2 = wilson_interval(both + second, total)
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    covariance = float(both * neither - first * second)
    if covariance > 0:  # Newcombe's continuity correction
        covariance = max(covariance - total / 2, 0)
    correlation = covariance / sqrt(margins) if margins else 0.0

    def reach(margin: float, opposite: float) -> float:
        return sqrt(max(0.0, margin**2 - 2 * correlation * margin * opposite + opposite**2))

    difference = share_1 - share_2
    return (
        difference - reach(share_1 - low_1, high_2 - share_2),
        difference + reach(high_1 - share_1, share_2 - low_2),
    )
