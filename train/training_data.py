"""How data are read that a model is measured on: as those that it was trained on, if they are."""

from collections.abc import Callable
from dataclasses import dataclass

from edgekit.errors import DataError
from edgekit.train.data import completed, located
from edgekit.train.dataset import Dataset
from edgekit.train.reading import NOTHING_CHOSEN, Reading

PARTS = ("group", "split")
"""Choices that divide data, which are not applied to others than those of the training."""


@dataclass(frozen=True)
class TrainingData:
    """What a model says of the data that it was trained on.

    Attributes:
        source: where they were, as ``Dataset.source``; None if unknown.
        sha256: their digest, as ``Dataset.sha256``; "" if unknown.
        reading: how they were read.
    """

    source: str | None = None
    sha256: str = ""
    reading: Reading = NOTHING_CHOSEN

    def is_at(self, source: str) -> bool:
        """Tell whether a source is where they were."""
        return located(source) == self.source

    def reading_of(
        self, source: str, chosen: Reading, load: Callable[[Reading], Dataset]
    ) -> tuple[Reading, tuple[str, ...]]:
        """Return how a source is read, and notes on what is not as in the training.

        Data that have moved are known by their digest.

        Args:
            source: as for :func:`edgekit.train.data.load`.
            chosen: the user's choices.
            load: loads the source.

        Raises:
            DataError: there is no such source.
            MissingExtraError: a package that reads such data is not installed.
        """
        as_trained = completed(source, chosen, self.reading, same=True)
        if self.is_at(source):
            return as_trained, ()
        reading = completed(source, chosen, self.reading, same=False)
        if reading == as_trained:
            return reading, ()
        try:
            moved = bool(self.sha256) and load(as_trained).sha256 == self.sha256
        except DataError:
            moved = False
        if moved:
            return as_trained, ()
        left_out = [
            f"--{name} {as_trained.document[name]}"
            for name in PARTS
            if name in as_trained.document and name not in reading.document
        ]
        if not left_out:
            return reading, ()
        return reading, (
            f"{source}: these are not the data that the model was trained on, and are divided "
            f"without {' and '.join(left_out)}, by which those were",
        )
