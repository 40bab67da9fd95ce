"""The threshold of a model whose file has none: chosen on held-out inputs."""

from dataclasses import replace

import numpy as np

import edge_runtime
from edge_runtime import anomaly
from edge_runtime.backends import unavailable
from edge_runtime.meaning import BINARY, margins
from edge_runtime.quantize import dequantize
from edgekit.benchmarks.contender import raw_inputs
from edgekit.benchmarks.model_file import ModelFile
from edgekit.benchmarks.usage import Usage
from edgekit.ranking import of_errors, separating
from edgekit.train.dataset import Dataset
from edgekit.train.held_out import held_out


def completed(file: ModelFile, usage: Usage, dataset: Dataset) -> Usage:
    """Return the usage with a threshold, where the task needs one and the file has none.

    An anomaly detector needs one. Two classes get one if the user named the task, as in a
    conversion: else the higher score decides.

    Args:
        file: the model.
        usage: how it is used.
        dataset: its data; those of an anomaly detector with the classes 0, normal, and 1, anomaly.

    Raises:
        ModelError: the model cannot be run.
    """
    by_class = usage.task == BINARY and file.task_stated and bool(dataset.labels)
    if usage.threshold is not None or not (usage.detects or by_class):
        return usage
    x, y = held_out(dataset)
    if not len(x):
        return usage
    engine = "reference" if unavailable("native") else "native"
    with edge_runtime.load(file.path, backend=engine) as model:
        raw = raw_inputs(model, usage, x)
        outputs = np.concatenate([model.run(raw[i : i + 1]) for i in range(len(raw))])
        if by_class:
            values = margins(dequantize(outputs, model.output), usage.meaning)
            chosen = separating(values, y, model.output.scale)
        else:
            errors = usage.answers(raw, outputs, model.input, model.output)[:, 0]
            counted = anomaly.steps(model.input, model.output)
            chosen = of_errors(errors, y, counted.unit if counted else None)
    return replace(usage, threshold=chosen.value) if chosen else usage
