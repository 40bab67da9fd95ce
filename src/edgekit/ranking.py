"""How well one score separates two classes: ROC AUC, and the threshold that separates them best."""

from dataclasses import dataclass
from math import floor
from typing import Any

import numpy as np
import numpy.typing as npt

QUANTILE = 0.99
"""Share of the normal inputs whose score is not above a threshold that is chosen without others."""


@dataclass(frozen=True)
class Threshold:
    """A threshold on a score: inputs whose score is above it are positive.

    Attributes:
        value: on the scale of the scores.
        inputs: number of inputs that it was chosen on.
        reason: how, as the end of a sentence.
    """

    value: float
    inputs: int
    reason: str


def auc(scores: npt.ArrayLike, truth: npt.ArrayLike) -> float | None:
    """Return the area under the ROC curve, 0 to 1.

    That is the share of all pairs of a positive and a negative input in which the positive one has
    the higher score; a pair of equal scores counts one half. It depends on the order of scores
    only, so that of logits is the same as that of their probabilities.

    Source: J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", Radiology 143 (1982): the Mann-Whitney U over its largest value.

    Args:
        scores: [N], finite.
        truth: [N], nonzero where the input is positive.

    Returns:
        The area; None if there are no positive or no negative inputs.
    """
    positive = np.asarray(truth) != 0
    many, few = int(positive.sum()), int((~positive).sum())
    if not many or not few:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    # Equal scores share the mean of their ranks, which begin at 1.
    ranks = np.cumsum(counts) - (counts - 1) / 2
    above = float(ranks[place.reshape(-1)[positive]].sum()) - many * (many + 1) / 2
    return above / (many * few)


def second_over_first(scores: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return what ranks the inputs of two classes by scores [N, 2], float64 [N].

    That is the difference of both: the second score alone is exactly 1 for all logits above 17,
    while the first, which is calculated by itself, still tells them apart.
    """
    difference: npt.NDArray[np.float64] = scores[:, 1].astype(np.float64) - scores[:, 0]
    return difference


def separating(
    scores: npt.NDArray[Any], truth: npt.ArrayLike, step: float | None = None
) -> Threshold | None:
    """Return the threshold with the largest sum of both classes' recall.

    Source: W. J. Youden, "Index for rating diagnostic tests", Cancer 3 (1950). Unlike the threshold
    with the highest accuracy it does not depend on how many inputs of each class there are. Of
    several, it is the one in the widest gap between scores, in the middle of it.

    Args:
        scores: [N], finite; the threshold has their dtype's precision.
        truth: [N], nonzero where the input is positive.
        step: distance of neighbouring levels of quantised scores, which are whole multiples of it:
            the threshold is then halfway between two levels, so that rounding never matters.

    Returns:
        The threshold; None if there are no positive or no negative inputs, or all scores are equal.
    """
    positive = np.asarray(truth) != 0
    many, few = int(positive.sum()), int((~positive).sum())
    levels, place = np.unique(scores, return_inverse=True)
    if not many or not few or len(levels) < 2:
        return None
    place = place.reshape(-1)
    # Inputs above each gap between neighbouring levels.
    hits = many - np.cumsum(np.bincount(place[positive], minlength=len(levels)))[:-1]
    alarms = few - np.cumsum(np.bincount(place[~positive], minlength=len(levels)))[:-1]
    # In whole numbers: equal sums are equal.
    youden = [int(hit) * few - int(alarm) * many for hit, alarm in zip(hits, alarms, strict=True)]
    low, high = levels[:-1].astype(np.float64), levels[1:].astype(np.float64)
    best = max(range(len(youden)), key=lambda i: (youden[i], high[i] - low[i]))
    value = _between(float(low[best]), float(high[best]), step, levels.dtype)
    recalls = f"{hits[best] / many:.1%} and {1 - alarms[best] / few:.1%}"
    return Threshold(value, len(place), f"the largest sum of both classes' recall there, {recalls}")


def above_most(scores: npt.NDArray[Any], step: float | None = None) -> Threshold | None:
    """Return the threshold that QUANTILE of ``scores`` [N], those of normal inputs, do not exceed.

    It is for data without inputs that are not normal; None without scores. ``step`` is as for
    ``separating``.
    """
    if not len(scores):
        return None
    value = float(np.quantile(scores, QUANTILE, method="higher"))
    if step:
        value = (round(value / step) + 0.5) * step
    return Threshold(value, len(scores), f"{QUANTILE:.0%} of the normal inputs there are below it")


def of_errors(
    errors: npt.NDArray[Any], is_anomaly: npt.NDArray[Any], step: float | None
) -> Threshold | None:
    """Return the threshold between the errors of normal inputs and of anomalies.

    Without anomalies to tell them from, it is above most errors of normal inputs.

    Args:
        errors: error of each input, [N].
        is_anomaly: whether each is an anomaly, or 0 and others, [N].
        step: unit of the errors; None for floats.
    """
    if step is None:
        errors = errors.astype(np.float32)  # as C compares them
    unusual = np.asarray(is_anomaly) != 0
    return separating(errors, unusual, step) or above_most(errors[~unusual], step)


def _between(low: float, high: float, step: float | None, dtype: np.dtype[Any]) -> float:
    """Return the middle of a gap, halfway between two levels if they are ``step`` apart."""
    middle = low / 2 + high / 2
    if step:
        return (floor(middle / step) + 0.5) * step
    if dtype.kind == "f":
        middle = float(dtype.type(middle))
    # Where the two are neighbours, the middle is rounded to one of them.
    return middle if low <= middle < high else low
