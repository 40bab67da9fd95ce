"""How a model file is fed with a dataset's inputs, and how its output is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.meaning import NUMBERS, class_scores
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import normalise
from edgekit.benchmarks import input_range, model_file
from edgekit.benchmarks.model_file import ModelFile
from edgekit.pixel_range import Range, shown
from edgekit.train.dataset import Dataset, Inputs

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Usage:
    """How a model is used.

    Attributes:
        mean: of ``(pixel - mean) / std``, one or one for each channel; empty for inputs that are
            numbers on the model's own scale.
        std: as many.
        meaning: of the output, one of ``edge_runtime.meaning.MEANINGS``.
        reason: what the scale was taken from, as the end of a sentence.
        warning: what speaks against it; "" when nothing does.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    meaning: str
    reason: str
    warning: str = ""

    @property
    def classes(self) -> bool:
        """Whether the output is the scores of classes, and not numbers."""
        return self.meaning != NUMBERS

    @property
    def metadata(self) -> Metadata:
        """The same as the runtime takes it."""
        return Metadata(mean=self.mean, std=self.std)

    def scaled(self, inputs: Inputs) -> Floats:
        """Bring inputs [N, ...] of the dataset onto the model's scale, float32 [N, ...]."""
        if inputs.dtype == np.uint8 and self.mean:
            return normalise(inputs, self.mean, self.std)
        return inputs.astype(np.float32, copy=False)

    def read(self, outputs: Floats) -> Floats:
        """Return outputs float32 [N, ...] as the scores of classes [N, classes], or as numbers."""
        return class_scores(outputs, self.meaning)

    def describe(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "pixels": list(self.pixels) if self.pixels else None,
            "reason": self.reason,
            "warning": self.warning,
            "meaning": self.meaning,
        }

    @property
    def pixels(self) -> Range | None:
        """What pixels 0 and 255 become, of all channels together; None for numbers."""
        return input_range.of_normalization(self.mean, self.std) if self.mean else None

    def __str__(self) -> str:
        if self.pixels is None:
            return f"inputs as they are: {self.reason}"
        return f"pixels 0 to 255 become {shown(self.pixels)}: {self.reason}"


def of(file: ModelFile | Path, dataset: Dataset, chosen: Range | None = None) -> Usage:
    """Find out how a file is used.

    Args:
        file: the model.
        dataset: whose inputs it gets.
        chosen: what pixels 0 and 255 are on its scale, where the user says so.

    Raises:
        DataError: the inputs are pixels, and nothing tells what they become.
    """
    if isinstance(file, Path):
        file = model_file.load(file)
    meaning = file.meaning(dataset.labels)
    if not dataset.pixels:
        return Usage((), (), meaning, "they are numbers")
    found = input_range.decide(file, chosen, dataset)
    own = file.metadata
    if own.mean and (found.low, found.high) == input_range.said(file):
        return Usage(own.mean, own.std, meaning, found.reason, found.warning)
    mean, std = found.normalization
    return Usage((mean,), (std,), meaning, found.reason, found.warning)


def said(path: Path) -> Usage:
    """Return how a file says that it is used, whatever the data: pixels only if it says how.

    Raises:
        ModelError: it is no .tflite file with one input and one output.
    """
    file = model_file.load(path)
    return Usage(file.metadata.mean, file.metadata.std, file.meaning(), "its metadata")
