"""What pixels 0 and 255 are on a model file's scale: from its metadata, its input, its first ops.

Where the file does not say, the ends of a quantised input tell; a float model may begin with
products and sums that tell; and labelled data tells, because with the wrong range fewer answers
are right.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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
from edgekit.train.dataset import Dataset

NEAR = 0.05
"""Ends of a quantised input that lie this near to a range's, as a share of it, are that range's:
photos hardly ever reach both ends, and int8 has one step more below zero than above."""
APART = 0.25
"""Ends that differ by this much contradict each other."""

SAMPLED = 1000
"""Training inputs whose mean and deviation are those of all."""

CARRIERS = frozenset("CAST EXPAND_DIMS RESHAPE SQUEEZE".split())
AFFINE: dict[str, Callable[[Any, Any], Any]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": np.divide,
}


@dataclass(frozen=True)
class Clue:
    """What a file's input or first ops tell.

    Attributes:
        range: the range of CANDIDATES that they fit; None when none or several do.
        reason: what tells, as "its own rescaling"; "" when nothing does.
        tensor: the input, or what the first op quantises it to.
    """

    range: Range | None
    reason: str
    tensor: Tensor

    @property
    def ends(self) -> Range | None:
        """What the ends of a quantised input stand for; None for floats."""
        return quantised_ends(self.tensor)

    def against(self, pixels: Range) -> Range | None:
        """Return the range that this tells, if pixels become something far off."""
        if self.ends:
            return contradicts(pixels, self.tensor)
        return self.range if self.range and _apart(self.range, pixels) else None


def decide(file: ModelFile, chosen: Range | None, dataset: Dataset) -> InputRange:
    """Decide what pixels become for a file with one mean and one deviation, or with none.

    Args:
        file: the model.
        chosen: ``--input-range``.
        dataset: of pixels; its training part is what ranges are tried on.

    Raises:
        DataError: nothing decides; the message says what to give.
    """
    clue, own = clue_of(file.graph), said(file)
    expected, reason = chosen or own or clue.range, clue.reason
    doubts: list[str] = []
    if chosen:
        reason = "--input-range"
        if own and _apart(chosen, own):
            doubts.append(f"{shown(own)} by its metadata")
    elif own:
        reason = "its metadata"
    if expected and (chosen or own) and (against := clue.against(expected)):
        doubts.append(f"{shown(against)} by {clue.reason}")
    # What edgekit convert found out is believed, unless the file contradicts itself.
    if own and file.origin and not chosen and not doubts:
        return InputRange(*own, reason)
    found = tried(file, dataset, _candidates(expected, own, clue, dataset), expected)
    if not found:
        if expected:
            return InputRange(*expected, reason, "; ".join(doubts))
        raise _undecided(file, clue, "there are no labelled training inputs to try ranges on")
    inputs = f"tried on {found[0].trial.total} training inputs"
    if expected is None and clue.ends and _covers(clue, found, dataset):
        # What the calibration spanned is what pixels become, unless the labels say otherwise.
        expected = clue.ends
    if expected is None:
        best = winner(found)
        if best is None or not above_chance(best, dataset):
            raise _undecided(file, clue, f"and {inputs} no range is best: {listed(found)}")
        return InputRange(*best.trial.range, f"{inputs}: {listed(found)}")
    held = next(one.trial for one in found if one.trial.range == expected)
    first = max((one.trial for one in found), key=lambda trial: trial.correct)
    if not better(first, held):
        return InputRange(*expected, f"{reason}, and {held}", "; ".join(doubts))
    first = best.trial if (best := winner(found)) else first
    doubts.append(f"with {shown(expected)} ({reason}) {held}, with {shown(first.range)} {first}")
    if chosen:
        return InputRange(*chosen, reason, "; ".join(doubts))
    return InputRange(*first.range, inputs, "; ".join(doubts))


def clue_of(graph: Graph) -> Clue:
    """Return what a graph's input and first ops tell about the range that it was made for."""
    tensor = graph.tensors[graph.inputs[0]]
    readers = _readers(graph, tensor.index)
    if tensor.dtype == "float32" and len(readers) == 1 and readers[0].name == "QUANTIZE":
        tensor = graph.tensors[readers[0].outputs[0]]
    if (ends := quantised_ends(tensor)) is not None:
        fitting = [one for one in CANDIDATES if _fits(one, ends, tensor)]
        reason = f"its input's {tensor.dtype} scale and zero point"
        return Clue(fitting[0] if len(fitting) == 1 else None, reason, tensor)
    if tensor.dtype != "float32":
        return Clue(None, "", tensor)
    values = {end: rescaled(graph, end) for end in ENDS}
    known = {end: value for end, value in values.items() if value is not None}
    derived = rescaled_from(known) if len(known) == len(ENDS) else None
    return Clue(derived, "its own rescaling", tensor)


def quantised_ends(tensor: Tensor) -> Range | None:
    """Return what the least and the largest number of a quantised tensor stand for."""
    quantization = tensor.quantization
    if quantization is None or quantization.per_channel or "int" not in tensor.dtype:
        return None
    limits = np.iinfo(tensor.dtype)
    scale, zero_point = quantization.scales[0], quantization.zero_points[0]
    return (int(limits.min) - zero_point) * scale, (int(limits.max) - zero_point) * scale


def rescaled(graph: Graph, value: float) -> npt.NDArray[np.float32] | None:
    """Return what the model's leading products and sums with constants make of an input.

    Args:
        graph: of a float model.
        value: the number that the input is all over.

    Returns:
        float32 of the shape behind them; None when the model does not begin with such ops.
    """
    at = graph.tensors[graph.inputs[0]]
    array: npt.NDArray[np.float32] = np.full(at.shape, value, np.float32)
    found = False
    while len(readers := _readers(graph, at.index)) == 1 and at.index not in graph.outputs:
        (op,) = readers
        after = graph.tensors[op.outputs[0]]
        if op.name in CARRIERS and op.inputs[0] == at.index and after.dtype == "float32":
            array = array.reshape(after.shape)
        elif op.name in AFFINE and (pair := _operands(graph, op.inputs, at.index, array)):
            with np.errstate(all="ignore"):
                array = AFFINE[op.name](*pair)
            found = True
        else:
            break
        if after.index <= -1 or array.shape != after.shape:
            break
        at = after
    return array if found and np.isfinite(array).all() else None


def _operands(
    graph: Graph, inputs: Sequence[int], at: int, array: npt.NDArray[np.float32]
) -> tuple[Any, Any] | None:
    """Return both operands of an op, the one at ``at`` being ``array`` and the other constant."""
    pair = []
    for index in inputs:
        tensor = graph.tensors[index]
        if index == at:
            pair.append(array)
        elif tensor.data is not None and tensor.dtype == "float32" and not tensor.sparse:
            pair.append(np.frombuffer(tensor.data, np.float32).reshape(tensor.shape))
    return (pair[0], pair[1]) if len(pair) == 2 and tuple(inputs) != (at, at) else None


def _readers(graph: Graph, index: int) -> list[Any]:
    return [op for op in graph.ops if index in op.inputs and op.outputs]


def said(file: ModelFile) -> Range | None:
    """Return the range of the normalisation in the file's metadata, of all channels together."""
    mean, std = file.metadata.mean, file.metadata.std
    return of_normalization(mean, std) if mean else None


def of_normalization(mean: tuple[float, ...], std: tuple[float, ...]) -> Range:
    """Return what pixels 0 and 255 become, of all channels together."""
    ends = np.divide(np.subtract([[0.0], [255.0]], mean), std)
    return float(ends.min()), float(ends.max())


def contradicts(pixels: Range, tensor: Tensor) -> Range | None:
    """Return what the ends of a quantised tensor stand for, if pixels become something far off."""
    ends = quantised_ends(tensor)
    if ends is None:
        return None
    span = max(pixels[1] - pixels[0], ends[1] - ends[0])
    far = max(abs(pixels[side] - ends[side]) for side in _sides(tensor)) > APART * span
    return ends if far else None


def _fits(candidate: Range, ends: Range, tensor: Tensor) -> bool:
    tolerance = NEAR * (candidate[1] - candidate[0])
    return all(abs(candidate[side] - ends[side]) <= tolerance for side in _sides(tensor))


def _sides(tensor: Tensor) -> tuple[int, ...]:
    """Return which ends tell something: int16 is symmetric, whatever its numbers are."""
    return (1,) if tensor.dtype == "int16" else (0, 1)


def _apart(one: Range, other: Range) -> bool:
    span = max(one[1] - one[0], other[1] - other[0])
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) > APART * span


def _near(one: Range, other: Range) -> bool:
    span = min(one[1] - one[0], other[1] - other[0])
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= NEAR * span


def _covers(clue: Clue, found: Sequence[Tried], dataset: Dataset) -> bool:
    """Tell whether the ends of an asymmetric input, taken for those of pixels, explain labels."""
    own = [one for one in found if one.trial.range == clue.ends]
    return len(_sides(clue.tensor)) == 2 and any(above_chance(one, dataset) for one in own)


def _candidates(
    expected: Range | None, said: Range | None, clue: Clue, dataset: Dataset
) -> list[Range]:
    """Return what to try, what differs by little only once."""
    # The input's ends where they fit none of the usual ranges; and standardised pixels.
    proposed = [expected, said, clue.range, clue.ends, *CANDIDATES, _standardised(dataset)]
    found: list[Range] = []
    for one in proposed:
        if one and one[0] < one[1] and not any(_near(one, other) for other in found):
            found.append(one)
    return found


def _standardised(dataset: Dataset) -> Range | None:
    """Return what pixels become when all training pixels get mean 0 and deviation 1."""
    pixels = dataset.x_train[:SAMPLED]
    if not pixels.size or not (std := float(pixels.std())):
        return None
    mean = float(pixels.mean())
    return (0.0 - mean) / std, (255.0 - mean) / std


def _undecided(file: ModelFile, clue: Clue, why: str) -> DataError:
    ends = f"{clue.reason} ({shown(clue.ends)}) fit no usual range, " if clue.ends else ""
    return DataError(
        f"{file.path}: cannot tell what pixels 0 and 255 are on its scale: the file does not say, "
        f"{ends}{why}; give --input-range LOW,HIGH, or write it into the file with edgekit label"
    )
