"""Which tasks an output can be for, by its shape and its last operator."""

from collections.abc import Sequence
from math import prod

from edge_runtime.meaning import ANOMALY, BINARY, MULTILABEL, REGRESS

FEWEST_REBUILT = 3
"""Fewest outputs of an autoencoder, which has as many as inputs; a classifier of two features may
have two outputs."""


def misfit(task: str, source: Sequence[int], output: Sequence[int], exclusive: str = "") -> str:
    """Return why an output cannot be for a task, as the end of a sentence; "" if it can.

    Args:
        task: one of ``edge_runtime.meaning.TASKS``.
        source: shape of the model's only input, without the batch.
        output: likewise of its only output.
        exclusive: what makes the scores exclude each other, as "it ends in Softmax"; "" if nothing
            does.
    """
    shape, outputs = list(output), prod(output)
    if task == ANOMALY and outputs != prod(source):
        return f"an output of {shape} does not rebuild its input of {list(source)}"
    if task not in (REGRESS, ANOMALY) and max(shape, default=0) != outputs:
        return f"an output of {shape} is not one score for each class"
    if task == BINARY and outputs > 2:
        return f"an output of {shape} tells more than two classes apart"
    if task == MULTILABEL and exclusive:
        return f"{exclusive}, whose scores exclude each other"
    return ""


def several_outputs(task: str, count: int) -> str:
    """Return why a model of several outputs has no task, as the end of a sentence."""
    return f"--task {task}: it has {count} outputs, which are numbers; leave --task out"
