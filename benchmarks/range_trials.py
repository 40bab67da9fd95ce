"""Ranges of pixels tried on labelled inputs: which one a model file answers best with."""

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
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import dequantize, encode
from edgekit.benchmarks.model_file import ModelFile
from edgekit.pixel_range import InputRange, Range, Trial, better, shown
from edgekit.scoring import Z_95
from edgekit.train.dataset import Dataset

TRIED = (500, 5000)
"""Training inputs on which ranges are tried, and on which those are that the first do not settle.
The 95 % interval is 9 % and 3 % wide at most."""

FEWEST = 100
SECONDS = 10.0
"""A large model is tried on fewer inputs, FEWEST at least, to be done in about this time."""

CHUNK = 250
"""Inputs that are brought onto the model's scale at a time."""

ENGINES = ("native", "litert", "reference")
"""Who runs the trials: the first that can."""

LEAST = 1e-7
"""Probability below which no class is held to be: an integer softmax gives 0."""


@dataclass(frozen=True)
class Tried:
    """A trial, and how sure the model was of the truth.

    Attributes:
        trial: how many answers were right.
        losses: float64 [N], -log of the score of the true class of each input.
    """

    trial: Trial
    losses: npt.NDArray[np.float64]

    def beats(self, other: "Tried") -> bool:
        """Tell whether this range explains the labels better than chance could.

        More answers are right; or, where that does not tell, as in a network of ReLUs without
        biases, which answers alike on every scale, the log loss on the same inputs is lower.
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
    """Try ranges on training inputs; [] where there are no labels, or nobody here runs the model.

    Args:
        file: the model.
        dataset: of pixels.
        candidates: what to try.
        expected: the one that holds unless another is better; None for none.
    """
    if not dataset.labels or len(dataset.labels) != file.classes or not len(dataset.x_train):
        return []
    model = _opened(file)
    if model is None:
        return []
    order = np.random.default_rng(0).permutation(len(dataset.x_train))
    found: list[Tried] = []
    affordable = _affordable(model, len(candidates))
    for count in dict.fromkeys(min(count, affordable) for count in TRIED):
        chosen = order[:count]
        found = [_try(model, file, dataset, chosen, one) for one in candidates]
        first = max(found, key=_correct)
        others = [one for one in found if one is not first]
        if first.trial.range == expected or all(better(first.trial, o.trial) for o in others):
            break
    return found


def winner(found: Sequence[Tried]) -> Tried | None:
    """Return the one that beats all others, if there is one."""
    for one in found:
        if all(one.beats(other) for other in found if other is not one):
            return one
    return None


def above_chance(one: Tried, dataset: Dataset) -> bool:
    """Tell whether a range leads to more right answers than always the most frequent class."""
    _, counts = np.unique(dataset.y_train, return_counts=True)
    return bool(one.trial.interval[0] > counts.max() / len(dataset.y_train))


def listed(found: Sequence[Tried]) -> str:
    """Return what was tried as text, the best one first."""
    return ", ".join(map(str, sorted(found, key=_correct, reverse=True)))


def _correct(one: Tried) -> tuple[int, float]:
    return one.trial.correct, -float(one.losses.mean())


def _try(
    model: edge_runtime.Model,
    file: ModelFile,
    dataset: Dataset,
    chosen: npt.NDArray[np.int64],
    candidate: Range,
) -> Tried:
    true: npt.NDArray[Any] = dataset.y_train[chosen]
    mean, std = InputRange(*candidate, "").normalization
    on_scale = Metadata(mean=(mean,), std=(std,))
    outputs = []
    for start in range(0, len(chosen), CHUNK):
        pixels = dataset.x_train[chosen[start : start + CHUNK]]
        pixels = pixels.reshape(-1, *model.input.shape[1:])
        raw = model.run(encode(pixels, model.input, on_scale))
        outputs.append(dequantize(raw, model.output).reshape(len(pixels), -1))
    meaning = file.meaning(dataset.labels)
    scores = class_scores(np.concatenate(outputs), meaning).astype(np.float64)
    trial = Trial(candidate, int(np.sum(scores.argmax(axis=1) == true)), len(true))
    return Tried(trial, -np.log(np.maximum(scores[np.arange(len(true)), true], LEAST)))


def _affordable(model: edge_runtime.Model, candidates: int) -> int:
    """Return how many inputs each candidate can be tried on in SECONDS."""
    zeros, times = np.zeros(model.input.shape, np.float32), []
    for _ in range(3):
        started = time.perf_counter()
        model.predict(zeros)
        times.append(time.perf_counter() - started)
    return max(FEWEST, int(SECONDS / (min(times) * candidates)))


def _opened(file: ModelFile) -> edge_runtime.Model | None:
    """Open a model on the first engine that runs it image by image, from floats to floats."""
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
