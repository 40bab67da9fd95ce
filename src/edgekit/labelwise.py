"""Scores of several independent labels for each input: which of them apply."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy.typing as npt

from edgekit.ranking import auc
from edgekit.scoring import ClassScore, class_score, over_classes

HALF = 0.5
"""Probability above which a label applies; that of a logit of 0."""


@dataclass(frozen=True)
class LabelScores:
    """The answers to several labels compared with the truth.

    Attributes:
        labels: precision, recall and F1 of each label.
        aucs: ROC AUC of each label; None for one that all or no inputs have.
        exact: number of inputs of which every label is answered right.
        total: number of inputs.
    """

    labels: tuple[ClassScore, ...]
    aucs: tuple[float | None, ...]
    exact: int
    total: int

    @property
    def per_label(self) -> list[dict[str, Any]]:
        """The figures of each label, ready for JSON."""
        return [
            {**asdict(one), "auc": area} for one, area in zip(self.labels, self.aucs, strict=True)
        ]

    @property
    def metrics(self) -> dict[str, float]:
        """The figures that a gate may be set on, see ``edgekit.limits``.

        "accuracy" is the share of inputs of which every label is right, "auc" the mean of all
        labels' AUC.
        """
        known = [one for one in self.aucs if one is not None]
        return {
            "accuracy": self.exact / self.total,
            **over_classes(self.labels),
            **({"auc": sum(known) / len(known)} if known else {}),
        }


def score_labels(scores: npt.NDArray[Any], targets: npt.NDArray[Any]) -> LabelScores:
    """Score probabilities [N, K] of K independent labels against targets [N, K] of 0 and 1."""
    answers, true = scores > HALF, targets > HALF
    right = (answers & true).sum(axis=0)
    return LabelScores(
        labels=tuple(
            class_score(int(right[i]), int(answers[:, i].sum()), int(true[:, i].sum()))
            for i in range(scores.shape[1])
        ),
        aucs=tuple(auc(scores[:, i], true[:, i]) for i in range(scores.shape[1])),
        exact=int((answers == true).all(axis=1).sum()),
        total=len(scores),
    )
