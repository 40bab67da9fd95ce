"""The part of the training inputs that is held out: to stop by, and to choose a threshold on."""

import numpy as np
import numpy.typing as npt

from edgekit.train.dataset import Dataset, Inputs

SHARE = 0.2
"""Share of the training inputs that is held out where training held out none."""


def held_out(dataset: Dataset, share: float = 0.0) -> tuple[Inputs, Inputs]:
    """Return some training inputs [N, ...] and their classes or targets.

    Those are the validation split of ``edgekit train --validation-split``: training did not see
    them, and test inputs must not choose a threshold that they then judge.

    Args:
        dataset: the data.
        share: the share of the training inputs that training held out; 0 for SHARE of them, which
            the model may have been trained on.
    """
    rows = rows_held_out(dataset, share or SHARE)
    return dataset.x_train[rows], dataset.y_train[rows]


def rows_held_out(dataset: Dataset, share: float) -> npt.NDArray[np.bool_]:
    """Return which training inputs are held out, bool [N]: the last ones.

    Of data with groups these are whole groups, so that none is on both sides: the last ones, until
    there is at least that share of each class. Each class keeps a group to train on; a class that
    has no other is not held out.
    """
    count = len(dataset.x_train)
    if dataset.groups is None or not share:
        return np.arange(count) >= int(count * (1 - share))
    names, first, group = np.unique(dataset.groups, return_index=True, return_inverse=True)
    kind = dataset.y_train if dataset.labels else np.zeros(count, np.int64)
    inputs = np.zeros((len(names), int(kind.max(initial=0)) + 1), np.int64)  # by group and class
    np.add.at(inputs, (group, kind), 1)
    wanted, left = share * inputs.sum(axis=0), (inputs > 0).sum(axis=0)
    chosen, so_far = np.zeros(len(names), bool), np.zeros(inputs.shape[1])
    for one in np.argsort(first)[::-1]:
        has = inputs[one] > 0
        if (left[has] > 1).all() and (so_far < wanted)[has].any():
            chosen[one] = True
            so_far += inputs[one]
            left -= has
    return chosen[group]
