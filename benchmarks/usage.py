"""How a dataset's inputs are fed to a model file, and how its output is read."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import anomaly
from edge_runtime.graph import Tensor
from edge_runtime.meaning import ANOMALY, BINARY, LOGITS, MULTILABEL, NUMBERS, class_scores
from edge_runtime.metadata import Preprocessing
from edge_runtime.quantize import dequantize, normalise
from edgekit.benchmarks import input_range, model_file
from edgekit.benchmarks import task as tasks
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
        task: what the model is for, one of ``edge_runtime.meaning.TASKS``. ANOMALY only where the
            data tell normal inputs and anomalies; then an answer is the error of what is rebuilt.
        threshold: what decides between two classes, or normal inputs and anomalies; None where
            nothing but the higher score does.
        labels: names of several labels.
        guessed: why it is this task, as the end of a sentence; "" where something names it.
        rebuilds: whether it is an anomaly detector whose data tell no anomalies, which is judged by
            how well it rebuilds its inputs.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    meaning: str
    reason: str
    warning: str = ""
    features: bool = False
    task: str = ""
    threshold: float | None = None
    labels: tuple[str, ...] = ()
    guessed: str = ""
    rebuilds: bool = False

    @property
    def classes(self) -> bool:
        """Whether the output is the scores of classes, and not numbers or those of labels."""
        return self.meaning != NUMBERS and self.task != MULTILABEL

    @property
    def detects(self) -> bool:
        """Whether answers are the errors of an anomaly detector."""
        return self.task == ANOMALY

    @property
    def preprocessing(self) -> Preprocessing:
        """The normalisation in the form that the runtime uses."""
        return Preprocessing(mean=self.mean, std=self.std, features=self.features)

    def scaled(self, inputs: Inputs) -> Floats:
        """Return inputs [N, ...] of the dataset on the model's scale, float32 [N, ...]."""
        if self.mean and (self.features or inputs.dtype == np.uint8):
            return normalise(inputs, self.mean, self.std)
        return inputs.astype(np.float32, copy=False)

    def read(self, outputs: Floats) -> Floats:
        """Return outputs float32 [N, ...] as the scores of classes [N, classes], or as numbers."""
        return class_scores(outputs, self.meaning, self.task)

    def answers(
        self, inputs: npt.NDArray[Any], outputs: npt.NDArray[Any], source: Tensor, output: Tensor
    ) -> npt.NDArray[Any]:
        """Return the scores or numbers, or errors [N, 1], of raw inputs and outputs [N, ...].

        Args:
            inputs: in the element type of ``source``.
            outputs: in the element type of ``output``.
            source: the model's input.
            output: the model's output.
        """
        if self.detects:
            raw = anomaly.raw_scores(inputs, outputs, source, output)
            return anomaly.errors(raw, source, output)[:, None]
        return self.read(dequantize(outputs, output))

    def answers_of_floats(self, inputs: Floats, outputs: Floats) -> npt.NDArray[Any]:
        """Return the same of a model whose inputs and outputs are float32, on its scale."""
        if self.detects:
            difference = outputs.reshape(len(outputs), -1).astype(np.float64)
            difference -= inputs.reshape(len(inputs), -1)
            errors: npt.NDArray[Any] = (difference**2).mean(axis=1, keepdims=True)
            return errors
        return self.read(outputs)

    def decide(self, answers: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Return the class of each answer [N, ...], int64 [N]."""
        if self.threshold is None:
            best: npt.NDArray[np.int64] = answers.argmax(axis=1)
            return best
        if self.detects:
            values = answers[:, 0]
        elif self.meaning == LOGITS:
            with np.errstate(divide="ignore"):  # the logarithm of a probability of 0
                logs = np.log(answers.astype(np.float64))
            values = logs[:, 1] - logs[:, 0]
        else:
            values = answers[:, 1]
        above: npt.NDArray[np.int64] = (values > self.threshold).astype(np.int64)
        return above

    def describe(self) -> dict[str, Any]:
        """Return the usage as plain JSON values."""
        return {
            "pixels": list(self.pixels) if self.pixels else None,
            "reason": self.reason,
            "warning": self.warning,
            "meaning": self.meaning,
            "task": self.task or None,
            "threshold": self.threshold,
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
    decided = tasks.of(file, dataset)
    usage = _of_scale(file, dataset, chosen, decided.meaning)
    metadata, task = file.metadata, decided.name
    if (task == ANOMALY) == (decided.meaning == NUMBERS and bool(dataset.labels)):
        labels = (metadata.labels or dataset.columns) if task == MULTILABEL else ()
        threshold = metadata.threshold if task in (ANOMALY, BINARY) else None
        return replace(
            usage, task=task, threshold=threshold, labels=labels, guessed=decided.guessed
        )
    return replace(usage, rebuilds=task == ANOMALY)


def _of_scale(file: ModelFile, dataset: Dataset, chosen: Range | None, meaning: str) -> Usage:
    """Return the usage with the scale of the inputs and the meaning of the output."""
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
    # Nothing says here which inputs are anomalies.
    task = "" if said.task == ANOMALY else said.task
    meaning = file.meaning()
    return Usage(said.mean, said.std, meaning, "its metadata", features=said.features, task=task)
