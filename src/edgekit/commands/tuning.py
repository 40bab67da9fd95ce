"""Fine-tuning a trained model on the data it was trained on, and the files of the result."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.meaning import CLASSIFY
from edgekit.commands import tune_options
from edgekit.errors import DataError, ModelFileError
from edgekit.files import METRICS
from edgekit.train.finetune.recipe import Tuning
from edgekit.train.recipe import Recipe, from_json

if TYPE_CHECKING:
    from edgekit.convert.job import Job
    from edgekit.convert.source import TrainedModel
    from edgekit.train.dataset import Dataset


def require_tunable(trained: "TrainedModel") -> None:
    """Raise ModelFileError unless it is a Keras 3 model of one input and one output."""
    from edgekit.convert import source

    source.require_one(trained)
    if trained.origin != "Keras 3":
        raise ModelFileError(
            f"{trained.path}: is a {trained.origin} model; only Keras 3 can be tuned"
        )


def require_classes(trained: "TrainedModel", job: "Job") -> "Dataset":
    """Return the data to tune on.

    Raises:
        DataError: there are none.
        ModelFileError: the model is no classifier.
    """
    if job.dataset is None:
        raise DataError(
            f"{trained.path}: no file beside the model says what it was trained on; pass --data"
        )
    if not job.dataset.labels:
        raise ModelFileError(
            f"{trained.path}: its task is {job.meaning.task} ({job.meaning.reason}); only models "
            "that answer with one of several classes can be fine-tuned"
        )
    return job.dataset


def write(
    folder: Path, trained: "TrainedModel", job: "Job", tuning: Tuning, *, verbose: bool
) -> dict[str, Any]:
    """Fine-tune a model in place and write what ``edgekit train`` writes.

    Args:
        folder: where to write.
        trained: the model, which ``require_tunable`` accepts.
        job: its data and meaning, which ``require_classes`` accepts.
        tuning: the settings.
        verbose: show TensorFlow's output.

    Returns:
        The content of metrics.json.

    Raises:
        EdgekitError: see ``train.finetune.run.tune``.
    """
    from edgekit.convert import metrics_file
    from edgekit.train import outcome
    from edgekit.train.fit import Data, Training, targets_of

    dataset = require_classes(trained, job)
    metrics = metrics_file.read(trained)
    sets = Data(
        x=job.model_inputs(dataset.x_train, trained.shape),
        y=targets_of(dataset.y_train, trained.outputs),
        x_held_out=job.model_inputs(dataset.x_test, trained.shape),
        y_held_out=targets_of(dataset.y_test, trained.outputs),
    )
    training, tuned = tune_options.tuned_on(
        Training(model=trained.owner, history=(), held_out="test", seconds=0.0),
        tuning,
        sets,
        str(trained.path),
        verbose=verbose,
    )
    how = outcome.Use(job.normalization, job.meaning.name, job.meaning.task or CLASSIFY)
    return outcome.write(folder, _recipe(metrics), dataset, training, how, tuned, "tune")


def _recipe(metrics: dict[str, Any]) -> Recipe | None:
    """Return how the model was trained, if by `edgekit train`."""
    return from_json(metrics["recipe"], METRICS) if metrics.get("recipe") else None
