"""ROC AUC and thresholds, compared with their definitions and with scikit-learn where it is."""

from typing import Any

import numpy as np
import pytest

from edgekit.labelwise import score_labels
from edgekit.ranking import above_most, auc, separating
from edgekit.scoring import score

CASES = [
    # scores, positive, what sklearn.metrics.roc_auc_score gives
    ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),
    ([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1], 0.5),
    ([1, 2, 2, 3, 3, 3, 4], [0, 0, 1, 1, 0, 1, 1], 9.5 / 12),
    ([-3, -2, -1, 0], [1, 1, 0, 0], 0.0),
]


def drawn(seed: int, *, levels: int) -> tuple[Any, Any]:
    """Scores with many ties, and a truth that follows them loosely."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, 200).astype(np.float32) / levels
    return scores, rng.random(200) < 0.2 + 0.5 * scores


@pytest.mark.parametrize(("scores", "positive", "expected"), CASES)
def test_auc(scores: list[float], positive: list[int], expected: float) -> None:
    assert auc(scores, positive) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("levels", [2, 7, 256, 10_000])
def test_auc_is_the_share_of_pairs_in_order(levels: int) -> None:
    scores, positive = drawn(levels, levels=levels)
    pairs = np.subtract.outer(scores[positive], scores[~positive])
    assert auc(scores, positive) == pytest.approx(np.mean((np.sign(pairs) + 1) / 2), abs=1e-12)


def test_one_class_alone_has_no_auc_and_no_threshold() -> None:
    scores = np.array([0.1, 0.2])
    assert auc(scores, [1, 1]) is None
    assert separating(scores, [0, 0]) is None
    assert separating(np.array([0.3, 0.3]), [0, 1]) is None


def test_a_threshold_lies_in_the_middle_of_the_widest_gap() -> None:
    found = separating(np.array([0.0, 0.1, 0.7, 0.8], np.float32), [0, 0, 1, 1])
    assert found is not None
    assert found.value == float(np.float32(0.4))
    assert (found.inputs, found.reason) == (
        4,
        "the largest sum of both classes' recall there, 100.0% and 100.0%",
    )


def test_of_equally_good_gaps_the_widest_is_taken() -> None:
    found = separating(np.array([0.0, 1.0, 2.0, 8.0]), [0, 1, 0, 1])
    assert found is not None
    assert found.value == 5


@pytest.mark.parametrize("seed", range(4))
def test_no_other_threshold_has_more_recall(seed: int) -> None:
    scores, positive = drawn(seed, levels=30)
    found = separating(scores, positive)
    assert found is not None

    def recalls(value: float) -> float:
        above = scores > value
        return float(above[positive].mean() + (~above)[~positive].mean())

    best = max(recalls(value) for value in scores)
    assert recalls(found.value) == pytest.approx(best, abs=1e-12)
    assert best > 1.1


def test_a_threshold_of_levels_is_halfway_between_two() -> None:
    levels = np.array([-6, -3, 1, 2]) * 0.25
    found = separating(levels, [0, 0, 1, 1], step=0.25)
    assert found is not None
    # The middle of -3 and 1 steps is a level itself.
    assert found.value == -0.5 * 0.25


def test_neighbouring_floats_are_told_apart() -> None:
    low = np.float32(1.0)
    scores = np.array([low, np.nextafter(low, np.float32(2))])
    found = separating(scores, [0, 1])
    assert found is not None
    assert (scores > np.float32(found.value)).tolist() == [False, True]


def test_normal_inputs_alone_have_a_threshold_as_well() -> None:
    found = above_most(np.arange(1000.0))
    assert found is not None
    assert np.sum(np.arange(1000.0) > found.value) == 9
    assert above_most(np.zeros(0)) is None


def test_precision_recall_and_f1_of_each_class() -> None:
    # Three classes; the third is never answered.
    result = score([0, 0, 1, 1, 1], [0, 1, 1, 1, 2], 3)
    first, second, third = result.per_class
    assert (first.precision, first.recall, first.f1) == (1 / 2, 1, 2 / 3)
    assert (second.precision, second.recall, second.f1) == (2 / 3, 2 / 3, 2 / 3)
    assert (third.precision, third.recall, third.f1) == (None, 0, 0)
    assert result.metrics == {
        "accuracy": 0.6,
        "f1": pytest.approx(4 / 9),
        "precision": 0,
        "recall": 0,
    }


def test_a_class_that_no_input_has_does_not_count() -> None:
    result = score([0, 1], [0, 1], 3)
    assert result.metrics == {"accuracy": 1, "f1": 1, "precision": 1, "recall": 1}


def test_several_labels() -> None:
    scores = np.array([[0.9, 0.2], [0.6, 0.7], [0.1, 0.5], [0.8, 0.6]], np.float32)
    targets = np.array([[1, 0], [1, 1], [0, 1], [0, 1]], np.float32)
    result = score_labels(scores, targets)
    assert (result.exact, result.total) == (2, 4)
    assert result.labels[0].precision == 2 / 3
    assert result.labels[1].recall == 2 / 3
    assert result.aucs == (0.75, 1.0)
    assert result.metrics == {
        "accuracy": 0.5,
        "f1": pytest.approx(0.8),
        "precision": 2 / 3,
        "recall": 2 / 3,
        "auc": 0.875,
    }


def test_a_label_of_no_input_has_no_auc() -> None:
    result = score_labels(np.array([[0.4], [0.6]]), np.zeros((2, 1)))
    assert result.aucs == (None,)
    assert result.metrics == {"accuracy": 0.5}


@pytest.mark.parametrize("seed", range(3))
def test_scikit_learn_agrees(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores, positive = drawn(seed, levels=20)
    assert auc(scores, positive) == pytest.approx(metrics.roc_auc_score(positive, scores))
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 5, 300)
    answers = np.where(rng.random(300) < 0.7, true, rng.integers(0, 5, 300))
    result = score(answers, true, 5)
    rows = metrics.precision_recall_fscore_support(true, answers)
    ours = [(one.precision, one.recall, one.f1) for one in result.per_class]
    assert np.array(ours) == pytest.approx(np.transpose(rows[:3]))
    assert result.metrics["f1"] == pytest.approx(metrics.f1_score(true, answers, average="macro"))
    several = rng.random((300, 4)) < 0.4
    guesses = np.where(rng.random((300, 4)) < 0.7, several, ~several) * rng.random((300, 4))
    labels = score_labels(guesses, several.astype(np.float32))
    chosen = guesses > 0.5
    assert labels.metrics["f1"] == pytest.approx(metrics.f1_score(several, chosen, average="macro"))
    assert labels.metrics["accuracy"] == pytest.approx(metrics.accuracy_score(several, chosen))
    assert labels.metrics["auc"] == pytest.approx(metrics.roc_auc_score(several, guesses))
