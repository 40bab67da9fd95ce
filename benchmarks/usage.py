"""How a dataset's inputs are fed to a model file, and how its output is read."""

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
        mean: mean in ``(pixel - mean) / std``, for all channels or for each; empty for inputs that
            are numbers on the model's scale.
        std: standard deviation, as many.
        meaning: meaning of the output, one of ``edge_runtime.meaning.MEANINGS``.
        reason: source of the scale, as the end of a sentence.
        warning: what contradicts it; "" if nothing does.
        features: whether the inputs are features, and not pixels.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    meaning: str
    reason: str
    warning: str = ""
    features: bool = False

    @property
    def classes(self) -> bool:
        """Whether the output is the scores of classes, and not numbers."""
        return self.meaning != NUMBERS

    @property
    def metadata(self) -> Metadata:
        """The normalisation in the form that the runtime uses."""
        return Metadata(mean=self.mean, std=self.std, features=self.features)

    def scaled(self, inputs: Inputs) -> Floats:
        """Return inputs [N, ...] of the dataset on the model's scale, float32 [N, ...]."""
        if self.mean and (self.features or inputs.dtype == np.uint8):
            return normalise(inputs, self.mean, self.std)
        return inputs.astype(np.float32, copy=False)

    def read(self, outputs: Floats) -> Floats:
        """Return outputs float32 [N, ...] as the scores of classes [N, classes], or as numbers."""
        return class_scores(outputs, self.meaning)

    def describe(self) -> dict[str, Any]:
        """Return the usage as plain JSON values."""
        return {
            "pixels": list(self.pixels) if self.pixels else None,
            "reason": self.reason,
            "warning": self.warning,
            "meaning": self.meaning,
        }

    @property
    def pixels(self) -> Range | None:
        """What pixels 0 and 255 become, over all channels; None for numbers."""
        if not self.mean or self.features:
            return None
        return input_range.of_normalization(self.mean, self.std)

    def __str__(self) -> str:
        if self.features:
            return f"features, normalised by the model: {self.reason}"
        if self.pixels is None:
            return f"inputs as they are: {self.reason}"
        return f"pixels 0 to 255 become {shown(self.pixels)}: {self.reason}"


def of(file: ModelFile | Path, dataset: Dataset, chosen: Range | None = None) -> Usage:
    """Determine how a file is used.

    Args:
        file: the model.
        dataset: the dataset with its inputs.
        chosen: pixels 0 and 255 on its scale, if the user says so.

    Raises:
        DataError: the inputs are pixels, and their range on the model's scale is unknown.
    """
    if isinstance(file, Path):
        file = model_file.load(file)
    if file.several:
        return Usage((), (), NUMBERS, "each input has random tensors of its own")
    meaning = file.meaning(dataset.labels)
    if not dataset.pixels and file.metadata.features:
        said = file.metadata
        return Usage(said.mean, said.std, meaning, "its metadata", features=True)
    if not dataset.pixels:
        return Usage((), (), meaning, "they are numbers")
    pixels = input_range.decide(file, chosen, dataset)
    metadata = file.metadata
    if metadata.mean and (pixels.low, pixels.high) == input_range.from_metadata(file):
        return Usage(metadata.mean, metadata.std, meaning, pixels.reason, pixels.warning)
    mean, std = pixels.normalization
    return Usage((mean,), (std,), meaning, pixels.reason, pixels.warning)


def from_metadata(path: Path) -> Usage:
    """Return the usage that a file's metadata names, without a normalisation if it names none.

    Raises:
        ModelError: it is not a .tflite file that bench can measure.
    """
    file = model_file.load(path)
    said = file.metadata
    return Usage(said.mean, said.std, file.meaning(), "its metadata", features=said.features)
