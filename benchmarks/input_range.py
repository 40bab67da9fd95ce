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

import edge_runtime
from edge_runtime.backends import unavailable
from edge_runtime.errors import BackendError, EdgeRuntimeError, ModelError
from edge_runtime.graph import Graph, Tensor
from edge_runtime.meaning import class_scores
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import dequantize, encode
from edgekit.benchmarks.model_file import ModelFile
from edgekit.errors import DataError
from edgekit.pixel_range import (
    CANDIDATES,
    ENDS,
    InputRange,
    Range,
    Trial,
    better,
    rescaled_from,
    shown,
)
from edgekit.train.data import Dataset

Attempt = Callable[[Range], Trial]

NEAR = 0.05
"""Ends of a quantised input that lie this near to a range's, as a share of it, are that range's:
photos hardly ever reach both ends, and int8 has one step more below zero than above."""
APART = 0.25
"""Ends that differ by this much contradict each other."""

TRIED = (500, 5000)
"""Training inputs on which ranges are tried, and on which those are that the first do not settle.
The 95 % interval is 9 % and 3 % wide at most."""

ENGINES = ("native", "litert", "reference")
"""Who runs the trials: the first that can."""

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
        ends: what the ends of a quantised input stand for; None for floats.
    """

    range: Range | None
    reason: str
    ends: Range | None = None


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
            doubts.append(f"its metadata says {shown(own)}")
    elif own:
        reason = "its metadata"
    against = clue.ends or clue.range
    if expected and against and (chosen or own) and _apart(expected, against):
        doubts.append(f"{clue.reason} says {shown(against)}")
    # What its maker wrote into the file is believed, unless the file contradicts itself.
    if own and not chosen and not doubts:
        return InputRange(*own, reason)
    trials = _trials(file, dataset, _candidates(expected, own, clue, dataset), expected)
    if not trials:
        if expected:
            return InputRange(*expected, reason, "; ".join(doubts))
        raise _undecided(file, clue, "there are no labelled training inputs to try ranges on")
    best = max(trials, key=lambda trial: (trial.correct, trial.range == expected))
    if expected is None:
        others = [trial for trial in trials if trial is not best]
        if not all(better(best, other) for other in others) or not _above_chance(best, dataset):
            raise _undecided(file, clue, f"tried: {_listed(trials)}")
        return InputRange(*best.range, f"tried on {best.total} training inputs: {_listed(trials)}")
    tried = next(trial for trial in trials if trial.range == expected)
    if not better(best, tried):
        return InputRange(*expected, f"{reason}, and {tried}", "; ".join(doubts))
    doubts.append(f"with {shown(expected)} ({reason}) {tried}, with {shown(best.range)} {best}")
    if chosen:
        return InputRange(*chosen, reason, "; ".join(doubts))
    return InputRange(*best.range, f"tried on {best.total} training inputs", "; ".join(doubts))


def clue_of(graph: Graph) -> Clue:
    """Return what a graph's input and first ops tell about the range that it was made for."""
    tensor = graph.tensors[graph.inputs[0]]
    readers = _readers(graph, tensor.index)
    if tensor.dtype == "float32" and len(readers) == 1 and readers[0].name == "QUANTIZE":
        tensor = graph.tensors[readers[0].outputs[0]]
    if (ends := quantised_ends(tensor)) is not None:
        fitting = [one for one in CANDIDATES if _fits(one, ends, tensor.dtype)]
        reason = f"its input's {tensor.dtype} scale and zero point"
        return Clue(fitting[0] if len(fitting) == 1 else None, reason, ends)
    if tensor.dtype != "float32":
        return Clue(None, "")
    values = {end: rescaled(graph, end) for end in ENDS}
    known = {end: value for end, value in values.items() if value is not None}
    return Clue(rescaled_from(known) if len(known) == len(ENDS) else None, "its own rescaling")


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
    if not mean:
        return None
    ends = np.divide(np.subtract([[0.0], [255.0]], mean), std)
    return float(ends.min()), float(ends.max())


def _fits(candidate: Range, ends: Range, dtype: str) -> bool:
    tolerance = NEAR * (candidate[1] - candidate[0])
    # int16 is symmetric: its lower end tells nothing.
    sides = (1,) if dtype == "int16" else (0, 1)
    return all(abs(candidate[side] - ends[side]) <= tolerance for side in sides)


def _apart(one: Range, other: Range) -> bool:
    span = max(one[1] - one[0], other[1] - other[0])
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) > APART * span


def _near(one: Range, other: Range) -> bool:
    span = min(one[1] - one[0], other[1] - other[0])
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= NEAR * span


def _candidates(
    expected: Range | None, said: Range | None, clue: Clue, dataset: Dataset
) -> list[Range]:
    """Return what to try, what differs by little only once."""
    pixels = dataset.x_train[: TRIED[0]]
    mean, std = float(pixels.mean()), float(pixels.std()) or 1.0
    # A model of standardised pixels, and one whose input's ends fit none of the usual ranges.
    standardised = (0.0 - mean) / std, (255.0 - mean) / std
    proposed = [expected, said, clue.range, *CANDIDATES, clue.ends, standardised]
    found: list[Range] = []
    for one in proposed:
        if one and one[0] < one[1] and not any(_near(one, other) for other in found):
            found.append(one)
    return found


def _trials(
    file: ModelFile, dataset: Dataset, candidates: Sequence[Range], expected: Range | None
) -> list[Trial]:
    """Try the ranges; [] where there are no labels, or nobody here runs the model."""
    if not dataset.labels or len(dataset.labels) != file.classes or not len(dataset.x_train):
        return []
    model = _opened(file)
    if model is None:
        return []
    order = np.random.default_rng(0).permutation(len(dataset.x_train))
    trials: list[Trial] = []
    for count in TRIED:
        if trials and (count > TRIED[0] and _settled(trials, expected)):
            break
        attempt = attempts(model, file.meaning(dataset.labels), dataset, order[:count])
        trials = [attempt(one) for one in candidates]
    return trials


def _settled(trials: Sequence[Trial], expected: Range | None) -> bool:
    best, second = sorted(trials, key=lambda trial: trial.correct, reverse=True)[:2]
    return better(best, second) or (expected is not None and best.range == expected)


def attempts(
    model: edge_runtime.Model, meaning: str, dataset: Dataset, chosen: npt.NDArray[np.int64]
) -> Attempt:
    """Return what tells how many training inputs are right when pixels become a range."""
    pixels = dataset.x_train[chosen].reshape(-1, *model.input.shape[1:])
    true = dataset.y_train[chosen]

    def attempt(candidate: Range) -> Trial:
        mean, std = InputRange(*candidate, "").normalization
        raw = encode(pixels, model.input, Metadata(mean=(mean,), std=(std,)))
        outputs = dequantize(model.run(raw), model.output)
        answers = class_scores(outputs, meaning).reshape(len(true), -1).argmax(axis=1)
        return Trial(candidate, int(np.sum(answers == true)), len(true))

    return attempt


def _opened(file: ModelFile) -> edge_runtime.Model | None:
    for engine in ENGINES:
        if unavailable(engine):
            continue
        try:
            model = edge_runtime.load(file.path, backend=engine)
            if model.output.shape[0] == model.input.shape[0]:
                dequantize(np.zeros(1, model.output.dtype), model.output)
                encode(np.zeros(model.input.shape, np.float32), model.input, None)
                return model
        except (BackendError, ModelError, EdgeRuntimeError):
            continue
    return None


def _above_chance(best: Trial, dataset: Dataset) -> bool:
    """Tell whether a range leads to more right answers than always the most frequent class."""
    _, counts = np.unique(dataset.y_train, return_counts=True)
    return bool(best.interval[0] > counts.max() / len(dataset.y_train))


def _listed(trials: Sequence[Trial]) -> str:
    ordered = sorted(trials, key=lambda trial: trial.correct, reverse=True)
    return ", ".join(f"{one.share:.1%} right with {shown(one.range)}" for one in ordered)


def _undecided(file: ModelFile, clue: Clue, why: str) -> DataError:
    ends = f"{clue.reason} ({shown(clue.ends)}) fit no usual range, " if clue.ends else ""
    return DataError(
        f"{file.path}: cannot tell what pixels 0 and 255 are on its scale: it has no metadata, "
        f"{ends}{why}; give --input-range LOW,HIGH, or write it into the file with edgekit label"
    )
