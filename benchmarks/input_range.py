"""What pixels 0 and 255 are on a model file's scale: from its metadata, its input, its first ops.

If the metadata does not say, the range of a quantised input shows it, or the products and sums that
a float model begins with, or labelled data, because the wrong range gives fewer right answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_runtime.graph import Graph, Tensor
from edgekit.benchmarks.model_file import ModelFile
from edgekit.benchmarks.range_trials import Tried, above_chance, listed, tried, winner
from edgekit.errors import DataError
from edgekit.pixel_range import (
    CANDIDATES,
    ENDS,
    InputRange,
    Range,
    better,
    rescaled_from,
    shown,
)
from edgekit.rescaling import readers_of, rescaled
from edgekit.train.dataset import Dataset

NEAR = 0.05
"""Largest distance of the bounds of a quantised input from those of a range that it fits, relative
to the range: photos rarely reach both bounds, and int8 has one more step below zero than above."""
APART = 0.25
"""Bounds that differ by more than this share of the range contradict each other."""

SAMPLED = 1000
"""Training inputs that mean and standard deviation are computed from."""


@dataclass(frozen=True)
class Clue:
    """What a file's input or first ops show.

    Attributes:
        range: the range of CANDIDATES that they fit; None if none or several fit.
        reason: what shows it, such as "its own rescaling"; "" if nothing does.
        tensor: the input, or the tensor that the first op quantises it to.
    """

    range: Range | None
    reason: str
    tensor: Tensor

    @property
    def bounds(self) -> Range | None:
        """The values of the least and the largest number of a quantised input; None for floats."""
        return quantised_range(self.tensor)

    def against(self, pixels: Range) -> Range | None:
        """Return the range that this shows, if ``pixels`` contradicts it."""
        if self.bounds:
            return contradicts(pixels, self.tensor)
        return self.range if self.range and _apart(self.range, pixels) else None


def decide(file: ModelFile, chosen: Range | None, dataset: Dataset) -> InputRange:
    """Decide what pixels become for a file with one mean and one deviation, or with none.

    Args:
        file: the model.
        chosen: ``--input-range``.
        dataset: a dataset of pixels; ranges are tried on its training part.

    Raises:
        DataError: nothing decides; the message says which option does.
    """
    clue, recorded = clue_of(file.graph), from_metadata(file)
    expected, reason = chosen or recorded or clue.range, clue.reason
    doubts: list[str] = []
    if chosen:
        reason = "--input-range"
        if recorded and _apart(chosen, recorded):
            doubts.append(f"{shown(recorded)} by its metadata")
    elif recorded:
        reason = "its metadata"
    if expected and (chosen or recorded) and (against := clue.against(expected)):
        doubts.append(f"{shown(against)} by {clue.reason}")
    # What edgekit convert recorded is right, unless the file contradicts itself.
    if recorded and file.origin and not chosen and not doubts:
        return InputRange(*recorded, reason)
    trials = tried(file, dataset, _candidates(expected, recorded, clue, dataset), expected)
    if not trials:
        if expected:
            return InputRange(*expected, reason, "; ".join(doubts))
        raise _undecided(file, clue, "there are no labelled training inputs to try ranges on")
    inputs = f"tried on {trials[0].trial.total} training inputs"
    if expected is None and clue.bounds and _covers(clue, trials, dataset):
        # Pixels become the calibrated range, unless the labels say otherwise.
        expected = clue.bounds
    if expected is None:
        best = winner(trials)
        if best is None or not above_chance(best, dataset):
            raise _undecided(file, clue, f"and {inputs} no range is best: {listed(trials)}")
        return InputRange(*best.trial.range, f"{inputs}: {listed(trials)}")
    with_expected = next(one.trial for one in trials if one.trial.range == expected)
    first = max((one.trial for one in trials), key=lambda trial: trial.correct)
    if not better(first, with_expected):
        return InputRange(*expected, f"{reason}, and {with_expected}", "; ".join(doubts))
    first = best.trial if (best := winner(trials)) else first
    doubts.append(
        f"with {shown(expected)} ({reason}) {with_expected}, with {shown(first.range)} {first}"
    )
    if chosen:
        return InputRange(*chosen, reason, "; ".join(doubts))
    return InputRange(*first.range, inputs, "; ".join(doubts))


def clue_of(graph: Graph) -> Clue:
    """Return what a graph's input and first ops show about the range that it was made for."""
    tensor = graph.tensors[graph.inputs[0]]
    readers = readers_of(graph, tensor.index)
    if tensor.dtype == "float32" and len(readers) == 1 and readers[0].name == "QUANTIZE":
        tensor = graph.tensors[readers[0].outputs[0]]
    if (bounds := quantised_range(tensor)) is not None:
        fitting = [candidate for candidate in CANDIDATES if _fits(candidate, bounds, tensor)]
        reason = f"its input's {tensor.dtype} scale and zero point"
        return Clue(fitting[0] if len(fitting) == 1 else None, reason, tensor)
    if tensor.dtype != "float32":
        return Clue(None, "", tensor)
    arrays = {bound: rescaled(graph, bound) for bound in ENDS}
    complete = {bound: array for bound, array in arrays.items() if array is not None}
    derived = rescaled_from(complete) if len(complete) == len(ENDS) else None
    return Clue(derived, "its own rescaling", tensor)


def quantised_range(tensor: Tensor) -> Range | None:
    """Return the values of the least and the largest number of a quantised tensor."""
    quantization = tensor.quantization
    if quantization is None or quantization.per_channel or "int" not in tensor.dtype:
        return None
    limits = np.iinfo(tensor.dtype)
    scale, zero_point = quantization.scales[0], quantization.zero_points[0]
    return (int(limits.min) - zero_point) * scale, (int(limits.max) - zero_point) * scale


def from_metadata(file: ModelFile) -> Range | None:
    """Return the range of the normalisation in the file's metadata, over all channels."""
    mean, std = file.metadata.mean, file.metadata.std
    return of_normalization(mean, std) if mean else None


def of_normalization(mean: tuple[float, ...], std: tuple[float, ...]) -> Range:
    """Return what pixels 0 and 255 become, over all channels."""
    values = np.divide(np.subtract([[0.0], [255.0]], mean), std)
    return float(values.min()), float(values.max())


def contradicts(pixels: Range, tensor: Tensor) -> Range | None:
    """Return the range of a quantised tensor, if ``pixels`` contradicts it."""
    bounds = quantised_range(tensor)
    if bounds is None:
        return None
    span = max(pixels[1] - pixels[0], bounds[1] - bounds[0])
    far = max(abs(pixels[side] - bounds[side]) for side in _sides(tensor)) > APART * span
    return bounds if far else None


def _fits(candidate: Range, bounds: Range, tensor: Tensor) -> bool:
    tolerance = NEAR * (candidate[1] - candidate[0])
    return all(abs(candidate[side] - bounds[side]) <= tolerance for side in _sides(tensor))


def _sides(tensor: Tensor) -> tuple[int, ...]:
    """Return which bounds to compare: only the upper one of int16, which is always symmetric."""
    return (1,) if tensor.dtype == "int16" else (0, 1)


def _apart(one: Range, other: Range) -> bool:
    span = max(one[1] - one[0], other[1] - other[0])
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) > APART * span


def _near(one: Range, other: Range) -> bool:
    span = min(one[1] - one[0], other[1] - other[0])
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= NEAR * span


def _covers(clue: Clue, trials: Sequence[Tried], dataset: Dataset) -> bool:
    """Return whether the range of an asymmetric input, as that of pixels, explains the labels."""
    matching = [one for one in trials if one.trial.range == clue.bounds]
    return len(_sides(clue.tensor)) == 2 and any(above_chance(one, dataset) for one in matching)


def _candidates(
    expected: Range | None, recorded: Range | None, clue: Clue, dataset: Dataset
) -> list[Range]:
    """Return the ranges to try, without near duplicates."""
    # The input's range if it fits none of the usual ones; and standardised pixels.
    proposed = [expected, recorded, clue.range, clue.bounds, *CANDIDATES, _standardised(dataset)]
    candidates: list[Range] = []
    for one in proposed:
        if one and one[0] < one[1] and not any(_near(one, other) for other in candidates):
            candidates.append(one)
    return candidates


def _standardised(dataset: Dataset) -> Range | None:
    """Return what pixels become if the training pixels get mean 0 and standard deviation 1."""
    pixels = dataset.x_train[:SAMPLED]
    if not pixels.size or not (std := float(pixels.std())):
        return None
    mean = float(pixels.mean())
    return (0.0 - mean) / std, (255.0 - mean) / std


def _undecided(file: ModelFile, clue: Clue, why: str) -> DataError:
    bounds = f"{clue.reason} ({shown(clue.bounds)}) fit no usual range, " if clue.bounds else ""
    return DataError(
        f"{file.path}: cannot tell what pixels 0 and 255 are on its scale: the file does not say, "
        f"{bounds}{why}; give --input-range LOW,HIGH, or write it into the file with edgekit label"
    )
