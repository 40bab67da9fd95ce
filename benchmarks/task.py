"""What a model file is for: its task, from ``--task``, its metadata, or its output and the data."""

from dataclasses import dataclass, replace

from edge_runtime.meaning import (
    ANOMALY,
    BINARY,
    CLASSIFY,
    LOGITS,
    MULTILABEL,
    NUMBERS,
    PROBABILITIES,
    REGRESS,
    last_op,
    of_graph,
)
from edgekit.benchmarks.model_file import ModelFile
from edgekit.errors import ModelFileError
from edgekit.tasks import FEWEST_REBUILT, misfit, several_outputs
from edgekit.train.data import labels_of
from edgekit.train.dataset import Dataset

EXCLUSIVE = ("SOFTMAX", "LOG_SOFTMAX")
"""Ops whose scores exclude each other: not those of independent labels."""

ENDINGS = (*EXCLUSIVE, "LOGISTIC")
"""Ops that make scores."""


@dataclass(frozen=True)
class Task:
    """What a model is for.

    Attributes:
        name: one of ``edge_runtime.meaning.TASKS``; "" where there is nothing to compare with.
        meaning: meaning of its output, one of ``edge_runtime.meaning.MEANINGS``.
        guessed: why it is this task, as the end of a sentence; "" where the file or the user says.
    """

    name: str
    meaning: str
    guessed: str = ""


def stated(file: ModelFile, task: str) -> ModelFile:
    """Return a file as if its metadata named a task; what they say of another one is dropped.

    Args:
        file: the file.
        task: one of ``edge_runtime.meaning.TASKS``.

    Raises:
        ModelFileError: the output cannot be for this task.
    """
    if len(file.outputs) > 1:
        raise ModelFileError(f"{file.path}: {several_outputs(task, len(file.outputs))}")
    if file.several:
        raise ModelFileError(f"{file.path}: --task {task}: {file.several}; leave --task out")
    last = last_op(file.graph)
    exclusive = f"it ends in {last}" if last in EXCLUSIVE else ""
    if problem := misfit(task, file.size, file.output.shape[1:], exclusive):
        raise ModelFileError(f"{file.path}: --task {task}: {problem}")
    said = file.metadata
    numbers = task in (REGRESS, ANOMALY)
    scores = said.meaning if said.meaning in (PROBABILITIES, LOGITS) else _scores(file)
    changed = replace(
        said,
        task=task,
        meaning=NUMBERS if numbers else scores,
        labels=() if numbers else said.labels,
        threshold=said.threshold if said.task == task else None,
    )
    return replace(file, metadata=changed, task_stated=True)


def of(file: ModelFile, dataset: Dataset) -> Task:
    """Return the task of a file of one input and one output, guessed where nothing names it.

    Args:
        file: the file.
        dataset: the data; those of an anomaly detector with the classes normal and anomaly.
    """
    said, meaning = file.metadata, file.meaning(dataset.labels)
    if said.task or not (dataset.labels or dataset.y_test.size):
        return Task(said.task, meaning)
    if said.meaning != NUMBERS and _tells_labels(file, labels_of(dataset.y_test)):
        why = "the data have several labels for an input"
        return Task(MULTILABEL, said.meaning or _scores(file), why)
    if likely_rebuilds(file) and len(dataset.labels) not in (0, file.classes):
        why = f"it has as many outputs as inputs, {file.output.elements}"
        return Task(ANOMALY, NUMBERS, why)
    last, why = last_op(file.graph), ""
    if not said.meaning:
        why = f"it ends in {last}" if last in ENDINGS else "it ends without softmax or sigmoid"
        if dataset.labels and last not in ENDINGS:
            why += f", and there are {len(dataset.labels)} classes"
    if meaning == NUMBERS:
        return Task(REGRESS, meaning, why)
    return Task(BINARY if file.output.elements <= 2 else CLASSIFY, meaning, why)


def likely_rebuilds(file: ModelFile) -> bool:
    """Return whether a file that names no task is an autoencoder, unless the data say otherwise."""
    rebuilt = file.output.elements == file.input.elements >= FEWEST_REBUILT
    return not file.metadata.task and rebuilt and file.meaning() == NUMBERS


def _tells_labels(file: ModelFile, count: int) -> bool:
    """Return whether the outputs can be the scores of ``count`` independent labels."""
    shape = file.output.shape[1:]
    return 1 < count == max(shape, default=0) == file.output.elements and (
        last_op(file.graph) not in EXCLUSIVE
    )


def _scores(file: ModelFile) -> str:
    """Return what the output means if it is scores."""
    return of_graph(file.graph, ("any",))
