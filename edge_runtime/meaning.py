"""What a model's output means, and what the model is for.

The meaning is how to read the output: probabilities, logits or plain numbers. The task is what the
output is compared with: a class, several labels, a number, or the model's own input.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    from edge_runtime.graph import Graph

PROBABILITIES, LOGITS, NUMBERS = "probabilities", "logits", "numbers"
MEANINGS = (PROBABILITIES, LOGITS, NUMBERS)
"""Scores from 0 to 1; scores before softmax or sigmoid; and no classes at all, as in a regression
or an autoencoder. A single probability or logit belongs to the second of two classes."""

CLASSIFY, BINARY, MULTILABEL, REGRESS, ANOMALY = (
    *("classify", "binary", "multilabel"),
    *("regress", "anomaly"),
)
TASKS = (CLASSIFY, BINARY, MULTILABEL, REGRESS, ANOMALY)
"""One of several classes; one of two; any number of independent labels; numbers; and how well an
input is rebuilt by an autoencoder, which has learned normal inputs only."""

FAR = 110.0
"""A logit of minus this has a sigmoid that is 0 in float32; exponentials above 709 are errors."""

CARRIERS = frozenset("CAST DEQUANTIZE EXPAND_DIMS QUANTIZE RESHAPE SQUEEZE".split())
"""Ops that do not change the meaning of their input."""


def of_graph(graph: Graph, labels: tuple[str, ...]) -> str:
    """Return the meaning of output 0 of a file that does not state it, by its last op.

    Args:
        graph: the model.
        labels: the class names that the file has; empty without any.
    """
    name = last_op(graph)
    if name == "SOFTMAX" or (name == "LOGISTIC" and (labels or not _rebuilds_input(graph))):
        return PROBABILITIES
    return LOGITS if labels else NUMBERS


def last_op(graph: Graph) -> str:
    """Return the name of the op that makes the numbers of output 0; "" if none does."""
    makers = {index: op for op in graph.ops for index in op.outputs}
    index = graph.outputs[0] if graph.outputs else -1
    # A sound file passes each op once; a hostile one may have a cycle.
    for _ in graph.ops:
        op = makers.get(index)
        if op is None or op.name not in CARRIERS or not op.inputs:
            break
        index = op.inputs[0]
    last = makers.get(index)
    return "" if last is None else last.name


def _rebuilds_input(graph: Graph) -> bool:
    """Tell whether the output has as many elements as the input, as an autoencoder's has."""
    if len(graph.inputs) != 1:
        return False
    source, output = (graph.tensors[ports[0]] for ports in (graph.inputs, graph.outputs))
    return source.elements == output.elements > 2


def class_scores(
    outputs: npt.NDArray[Any], meaning: str, task: str = ""
) -> npt.NDArray[np.float32]:
    """Return the scores of classes as probabilities, float32 [N, classes].

    With :func:`scores_of_one` the only place where outputs become scores: in training, conversion,
    benchmarks and on the device.

    Args:
        outputs: float32 [N, outputs], axes of length 1 between the two allowed; of any shape
            [N, ...] where they are numbers, which are returned as they are.
        meaning: one of MEANINGS. A single probability or logit gives two scores.
        task: one of TASKS, or "". With MULTILABEL each output is the score of a label of its own:
            logits go through sigmoid one by one, and a single one stays single.
    """
    import numpy as np

    if meaning == NUMBERS:
        return outputs
    if outputs.ndim > 2 and outputs[0].size == outputs.shape[-1]:
        outputs = outputs.reshape(len(outputs), -1)
    if task == MULTILABEL:
        return _sigmoid(outputs) if meaning == LOGITS else outputs
    single = outputs.ndim == 2 and outputs.shape[1] == 1
    if meaning == LOGITS:
        if single:  # the softmax of 0 and the logit
            outputs = np.hstack([np.zeros_like(outputs), outputs])
        return _softmax(outputs)
    return np.hstack([1 - outputs, outputs]) if single else outputs


def margins(outputs: npt.NDArray[Any], meaning: str) -> npt.NDArray[np.float32]:
    """Return what a threshold between two classes is compared with, float32 [N].

    The second class is the answer where it is above the threshold. It is on the output's own scale,
    so that C needs no exponential for it: the probability of the second class, or its logit, of two
    logits their difference.

    Args:
        outputs: float32 [N, ...] of one or two elements each.
        meaning: PROBABILITIES or LOGITS.
    """
    outputs = outputs.reshape(len(outputs), -1)
    if outputs.shape[1] == 2 and meaning == LOGITS:
        difference: npt.NDArray[np.float32] = outputs[:, 1] - outputs[:, 0]
        return difference
    last: npt.NDArray[np.float32] = outputs[:, -1]
    return last


def _softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    import math

    import numpy as np

    powers = _powers(logits - logits.max(axis=-1, keepdims=True).astype(np.float64))
    totals = [math.fsum(row) for row in powers.reshape(-1, powers.shape[-1])]
    scores = powers / np.reshape(totals, (*powers.shape[:-1], 1))
    return scores.astype(np.float32)


def _sigmoid(logits: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    import numpy as np

    scores = 1 / (1 + _powers(np.minimum(-logits.astype(np.float64), FAR)))
    return scores.astype(np.float32)


def _powers(exponents: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the exponentials of Python: NumPy's differ from them, and from machine to machine."""
    from math import exp

    import numpy as np

    powers = np.fromiter(map(exp, exponents.ravel().tolist()), np.float64, exponents.size)
    return powers.reshape(exponents.shape)


def scores_of_one(numbers: array[float], width: int, meaning: str, task: str = "") -> array[float]:
    """Return the scores of one input's output without NumPy, float32: those of ``class_scores``.

    Args:
        numbers: float32, the output.
        width: length of its last axis.
        meaning: as for :func:`class_scores`.
        task: likewise.
    """
    from edge_runtime.plain import float32

    if meaning == LOGITS and task == MULTILABEL:
        return _sigmoid_of_one(numbers)
    if meaning == NUMBERS or task == MULTILABEL:
        return numbers
    single = len(numbers) == 1
    if meaning == LOGITS:
        rows = float32([0, *numbers] if single else numbers)
        return _softmax_of_one(rows, len(rows) if single else width)
    return float32([1 - numbers[0], *numbers]) if single else numbers


def margin_of_one(numbers: array[float], meaning: str) -> float:
    """Return what :func:`margins` returns of one input's output, float32."""
    from edge_runtime.plain import float32

    if len(numbers) == 2 and meaning == LOGITS:
        return float32([numbers[1] - numbers[0]])[0]
    return numbers[-1]


def _softmax_of_one(logits: array[float], width: int) -> array[float]:
    """Return the softmax of each row of so many logits."""
    from math import exp, fsum

    from edge_runtime.plain import float32

    scores = float32([])
    for start in range(0, len(logits), width):
        row = logits[start : start + width]
        most = max(row)
        powers = [exp(x - most) for x in row]
        total = fsum(powers)
        scores.extend([power / total for power in powers])
    return scores


def _sigmoid_of_one(logits: array[float]) -> array[float]:
    from math import exp

    from edge_runtime.plain import float32

    return float32([1 / (1 + exp(min(-x, FAR))) for x in logits])
