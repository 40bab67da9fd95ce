"""What brings a dataset's inputs onto the scale of a model that is trained on it."""

from dataclasses import dataclass

import numpy as np

from edge_runtime.quantize import normalise
from edgekit.train.dataset import PIXELS_TO_UNIT, Dataset, Floats, Inputs

FEATURE_AXES = 2
"""Axes of an input of features at most: a row of a table, or a window of time steps."""


@dataclass(frozen=True)
class Normalization:
    """The formula ``(value - mean) / std``.

    Attributes:
        mean: one number, or one for each element of the last axis; each is a float32.
        std: likewise.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def single(self) -> bool:
        """Whether it is the same for all elements, as it is for bytes."""
        return len(self.mean) == len(self.std) == 1

    @property
    def range_of_bytes(self) -> tuple[float, float]:
        """What the bytes 0 and 255 become, if it is the same for all elements."""
        [mean], [std] = self.mean, self.std
        return (0.0 - mean) / std, (255.0 - mean) / std

    def __call__(self, inputs: Inputs) -> Floats:
        """Return inputs [N, ...] on the model's scale."""
        return normalise(inputs, self.mean, self.std)


NONE = Normalization((0.0,), (1.0,))


def of_training(dataset: Dataset) -> Normalization:
    """Return the normalisation of a model that is to be trained on a dataset.

    Bytes, which are pixels or features of sound, become 0 to 1. Features of tables and windows get
    a mean of 0 and a standard deviation of 1 over the training inputs, each by itself; one that
    never changes gets a deviation of 1. Other arrays are on the model's scale already.
    """
    x = dataset.x_train
    if dataset.pixels:
        mean, std = PIXELS_TO_UNIT
        return Normalization((mean,), (std,))
    if x.ndim - 1 > FEATURE_AXES:
        return NONE
    rows = x.reshape(-1, x.shape[-1])
    means, deviations = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    deviations[deviations < np.finfo(np.float32).tiny] = 1
    return Normalization(*(tuple(map(float, v.astype(np.float32))) for v in (means, deviations)))
