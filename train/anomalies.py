"""Classes as normal inputs and anomalies, which is how an autoencoder's error is judged."""

from dataclasses import dataclass, replace

import numpy as np

from edgekit.train.dataset import Dataset

NORMAL_NAMES = frozenset(
    "normal good ok okay healthy nominal inlier inliers regular negative no_anomaly".split()
)
"""Names of a class of normal inputs, in any case."""

NORMAL, ANOMALY = "normal", "anomaly"


@dataclass(frozen=True)
class Normal:
    """Which classes are normal.

    Attributes:
        classes: their positions among the labels.
        reason: why, as the end of a sentence.
    """

    classes: tuple[int, ...]
    reason: str


def normal_classes(dataset: Dataset, *, stated: bool) -> Normal | None:
    """Return which classes of the data are normal; the others are anomalies.

    Those are the classes that the training part has, if it lacks some; else the one with a name of
    NORMAL_NAMES.

    Args:
        dataset: data with classes.
        stated: the classes are known to be normal inputs and anomalies, so that the first one is
            normal if nothing else says so; else the result is None then.
    """
    labels = dataset.labels
    trained = tuple(int(index) for index in np.unique(dataset.y_train))
    if len(trained) < len(labels):
        return Normal(trained, "the training part has no others")
    named = [i for i, label in enumerate(labels) if label.casefold() in NORMAL_NAMES]
    if len(named) == 1:
        return Normal((named[0],), "its name")
    return Normal((0,), "the first class") if stated else None


def normal_inputs(dataset: Dataset, normal: Normal) -> Dataset:
    """Return the data without anomalies, and without classes: what a detector learns."""
    train, test = (np.isin(y, normal.classes) for y in (dataset.y_train, dataset.y_test))
    kept = replace(
        dataset,
        x_train=dataset.x_train[train],
        y_train=dataset.y_train[train],
        x_test=dataset.x_test[test],
        y_test=dataset.y_test[test],
        groups=None if dataset.groups is None else dataset.groups[train],
    )
    return without_classes(kept)


def judged(dataset: Dataset, normal: Normal) -> Dataset:
    """Return the data with two classes: 0 for normal inputs, 1 for anomalies.

    Two classes keep their names. Of more, anomalies are called ANOMALY, and several normal classes
    NORMAL.
    """
    labels = dataset.labels
    others = [label for i, label in enumerate(labels) if i not in normal.classes]
    usual = labels[normal.classes[0]] if len(normal.classes) == 1 else NORMAL
    unusual = others[0] if len(others) == 1 else ANOMALY
    is_anomaly = np.array([i not in normal.classes for i in range(len(labels))], np.int64)
    return replace(
        dataset,
        y_train=is_anomaly[dataset.y_train],
        y_test=is_anomaly[dataset.y_test],
        labels=(usual, unusual),
    )


def without_classes(dataset: Dataset) -> Dataset:
    """Return the data without their classes, which say nothing about anomalies."""
    none_train, none_test = (
        np.zeros((len(x), 0), np.float32) for x in (dataset.x_train, dataset.x_test)
    )
    return replace(dataset, y_train=none_train, y_test=none_test, labels=())
