"""The threshold that decides between two classes, or normal inputs and anomalies."""

from dataclasses import replace

import numpy as np

from edge_runtime import Model, anomaly
from edge_runtime.meaning import ANOMALY, BINARY, margins
from edgekit.convert.job import Job
from edgekit.convert.measuring import opened
from edgekit.convert.source import TrainedModel
from edgekit.ranking import Threshold, of_errors, separating
from edgekit.train.dataset import Inputs
from edgekit.train.held_out import SHARE, held_out


def choose(trained: TrainedModel, model: bytes, job: Job) -> Threshold | None:
    """Choose a threshold on inputs that do not judge it.

    Two classes get one if the user named the task: else the higher score decides, as ever.

    Args:
        trained: what was converted.
        model: the converted model.
        job: the data and the task.

    Returns:
        The threshold; None where the task has none, or the data cannot tell.

    Raises:
        ModelFileError: the model cannot be run.
    """
    dataset, task = job.dataset, job.meaning.task
    by_class = task == BINARY and job.meaning.stated and dataset is not None and dataset.labels
    if dataset is None or trained.several or not (by_class or task == ANOMALY):
        return None
    share = float((job.training or {}).get("validation_split") or 0)
    x, y = held_out(dataset, share)
    if not len(x):
        return None
    fed = job.fed(x, trained.shape)
    with opened(trained, model) as running:
        if task == BINARY:
            values = margins(running._numbers(fed), job.meaning.name)
            chosen = separating(values, y, running.output.scale)
        else:
            chosen = _of_errors(running, fed, y if job.normal else np.zeros(len(x)))
    return chosen and replace(chosen, reason=_reason(chosen, share))


def _of_errors(running: Model, inputs: Inputs, is_anomaly: Inputs) -> Threshold | None:
    """Return the threshold between the errors of normal inputs and of anomalies."""
    counted = anomaly.steps(running.input, running.output)
    step = counted.unit if counted else None
    return of_errors(running.score(inputs), is_anomaly, step)


def _reason(chosen: Threshold, share: float) -> str:
    """Return how the threshold was chosen, as the end of a sentence."""
    where = f"the last {chosen.inputs} training inputs, a share of {share or SHARE:g}"
    learned = "" if share else ", which training may have seen"
    return f"chosen on {where}{learned}: {chosen.reason}"
