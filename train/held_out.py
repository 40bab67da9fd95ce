"""The part of the training inputs that a threshold is chosen on."""

from edgekit.train.dataset import Dataset, Inputs

SHARE = 0.2
"""Share of the training inputs that is held out where training held out none."""


def held_out(dataset: Dataset, share: float = 0.0) -> tuple[Inputs, Inputs]:
    """Return the last training inputs [N, ...] and their classes or targets.

    Those are the validation split of ``edgekit train --validation-split``: training did not see
    them, and test inputs must not choose a threshold that they then judge.

    Args:
        dataset: the data.
        share: the share of the training inputs that training held out; 0 for SHARE of them, which
            the model may have been trained on.
    """
    count = len(dataset.x_train)
    kept = int(count * (1 - (share or SHARE)))
    return dataset.x_train[kept:], dataset.y_train[kept:]
