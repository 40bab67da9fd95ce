"""Ranges of pixels tried on labelled inputs: which one gives the most right answers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.backends import options_for, unavailable
from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.meaning import class_scores
from edge_runtime.metadata import Preprocessing
from edge_runtime.quantize import dequantize, encode
from edgekit.benchmarks.model_file import ModelFile
from edgekit.pixel_range import InputRange, Range, Trial, better, shown
from edgekit.scoring import Z_95
from edgekit.train.dataset import Dataset

TRIED = (500, 5000)
"""Number of training inputs of the first trial, and of the second if the first is not decisive. The
95 % interval is at most 9 % and 3 % wide."""

FEWEST = 100
SECONDS = 10.0
"""Approximate time limit: a large model is tried on fewer inputs, but at least FEWEST."""

CHUNK = 250
"""Inputs that are normalised at a time."""

ENGINES = ("native", "litert", "reference")
"""Backends for the trials; the first that can run the model does."""

LEAST = 1e-7
"""Least probability of a class for the log loss: an integer softmax can output 0."""


@dataclass(frozen=True)
class Tried:
    """A trial with the log loss of each input.

    Attributes:
        trial: number of right answers.
        losses: float64 [N], -log of the score of the true class of each input.
    """

    trial: Trial
    losses: npt.NDArray[np.float64]

    def beats(self, other: "Tried") -> bool:
        """Return whether this range explains the labels better, beyond chance.

        More answers are right, or the log loss on the same inputs is lower if the answers do not
        decide: a network of ReLUs without biases gives the same answers on every scale.
        """
        if better(self.trial, other.trial):
            return True
        if better(other.trial, self.trial):
            return False
        gain = other.losses - self.losses
        return bool(gain.mean() > Z_95 * gain.std() / sqrt(len(gain)))

    def __str__(self) -> str:
        loss = f"log loss {self.losses.mean():.2f}"
        return f"{self.trial.share:.1%} right with {shown(self.trial.range)} ({loss})"


def tried(
    file: ModelFile, dataset: Dataset, candidates: Sequence[Range], expected: Range | None
) -> list[Tried]:
    """Try ranges on training inputs; [] without labels or a backend that runs the model.

    Args:
        file: the model.
        dataset: a dataset of pixels.
        candidates: the ranges to try.
        expected: the range to use unless another is better; None for none.
    """
    if not dataset.labels or len(dataset.labels) != file.classes or not len(dataset.x_train):
        return []
    model = _opened(file)
    if model is None:
        return []
    order = np.random.default_rng(0).permutation(len(dataset.x_train))
    trials: list[Tried] = []
    affordable = _affordable(model, len(candidates))
    for count in dict.fromkeys(min(count, affordable) for count in TRIED):
        chosen = order[:count]
        trials = [_try(model, file, dataset, chosen, candidate) for candidate in candidates]
        best = max(trials, key=_correct)
        others = [trial for trial in trials if trial is not best]
        if best.trial.range == expected or all(better(best.trial, o.trial) for o in others):
            break
    return trials


def winner(trials: Sequence[Tried]) -> Tried | None:
    """Return the trial that beats all others, if there is one."""
    for one in trials:
        if all(one.beats(other) for other in trials if other is not one):
            return one
    return None


def above_chance(tried: Tried, dataset: Dataset) -> bool:
    """Return whether a range gives more right answers than always the most frequent class."""
    _, counts = np.unique(dataset.y_train, return_counts=True)
    return bool(tried.trial.interval[0] > counts.max() / len(dataset.y_train))


def listed(trials: Sequence[Tried]) -> str:
    """Return the trials as text, the best one first."""
    return ", ".join(map(str, sorted(trials, key=_correct, reverse=True)))


def _correct(tried: Tried) -> tuple[int, float]:
    return tried.trial.correct, -float(tried.losses.mean())


def _try(
    model: edge_runtime.Model,
    file: ModelFile,
    dataset: Dataset,
    chosen: npt.NDArray[np.int64],
    candidate: Range,
) -> Tried:
    true: npt.NDArray[Any] = dataset.y_train[chosen]
    mean, std = InputRange(*candidate, "").normalization
    normalisation = Preprocessing(mean=(mean,), std=(std,))
    outputs = []
    for start in range(0, len(chosen), CHUNK):
        pixels = dataset.x_train[chosen[start : start + CHUNK]]
        pixels = pixels.reshape(-1, *model.input.shape[1:])
        raw = model.run(encode(pixels, model.input, normalisation))
        outputs.append(dequantize(raw, model.output).reshape(len(pixels), -1))
    meaning = file.meaning(dataset.labels)
    scores = class_scores(np.concatenate(outputs), meaning).astype(np.float64)
    trial = Trial(candidate, int(np.sum(scores.argmax(axis=1) == true)), len(true))
    return Tried(trial, -np.log(np.maximum(scores[np.arange(len(true)), true], LEAST)))


def _affordable(model: edge_runtime.Model, candidates: int) -> int:
    """Return the number of inputs that each candidate can be tried on within SECONDS."""
    zeros, times = np.zeros(model.input.shape, np.float32), []
    for _ in range(3):
        started = time.perf_counter()
        model.predict(zeros)
        times.append(time.perf_counter() - started)
    return max(FEWEST, int(SECONDS / (min(times) * candidates)))


def _opened(file: ModelFile) -> edge_runtime.Model | None:
    """Open a model on the first backend that runs it image by image."""
    for engine in ENGINES:
        if unavailable(engine):
            continue
        try:
            model = edge_runtime.load(file.path, backend=engine, **options_for(engine))
            if model.output.shape[0] == model.input.shape[0]:
                model.predict(np.zeros(model.input.shape, np.float32))
                return model
        except EdgeRuntimeError:
            continue
    return None
