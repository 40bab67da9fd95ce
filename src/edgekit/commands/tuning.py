"""Fine-tuning a trained model on the data it was trained on, and the files of the result."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.meaning import ANOMALY, CLASSIFY
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


def require_data(trained: "TrainedModel", job: "Job") -> "Dataset":
    """Return the data to tune on, with the classes of their source.

    Raises:
        DataError: there are none, or nothing says what the model should answer.
    """
    dataset = job.as_read or job.dataset
    if dataset is None:
        raise DataError(
            f"{trained.path}: no file beside the model says what it was trained on; pass --data"
        )
    if job.meaning.task != ANOMALY and not dataset.y_train.size:
        raise DataError(
            f"{dataset.source}: has neither classes nor targets, which fine-tuning for the task "
            f"{job.meaning.task} needs"
        )
    return dataset


def write(
    folder: Path, trained: "TrainedModel", job: "Job", tuning: Tuning, *, verbose: bool
) -> dict[str, Any]:
    """Fine-tune a model in place and write what ``edgekit train`` writes.

    Args:
        folder: where to write.
        trained: the model, which ``require_tunable`` accepts.
        job: its data and meaning, which ``require_data`` accepts.
        tuning: the settings.
        verbose: show TensorFlow's output.

    Returns:
        The content of metrics.json.

    Raises:
        EdgekitError: see ``train.finetune.run.tune``.
    """
    from edgekit.convert import metrics_file
    from edgekit.train import fit, outcome, own_model

    dataset = require_data(trained, job)
    metrics = metrics_file.read(trained)
    recipe, model, task = _recipe(metrics), trained.owner, job.meaning.task or CLASSIFY
    settings = Recipe(optimizer="adam", learning_rate=tuning.learning_rate)
    own_model.compile_for(model, settings, task, trained.loss)
    # Keras warns on loading an optimiser that was saved without its variables.
    model.optimizer.build(model.trainable_variables)
    learned = fit.learned(dataset, task)
    x, x_test = (
        job.model_inputs(part, trained.shape) for part in (learned.x_train, learned.x_test)
    )
    y = fit.targets_for(model, learned, x, test=False)
    y_test = fit.targets_for(model, learned, x_test)
    sets = fit.Data(
        x=x,
        y=y.reshape(-1, *trained.output_shape),
        x_held_out=x_test,
        y_held_out=y_test.reshape(-1, *trained.output_shape),
        weights=fit.weights(replace(recipe, validation_split=0.0), learned) if recipe else None,
    )
    training, tuned = tune_options.tuned_on(
        fit.Training(model=model, history=(), held_out="test", seconds=0.0),
        tuning,
        sets,
        str(trained.path),
        task,
        verbose=verbose,
    )
    how = outcome.Use(job.normalization, job.meaning.name, task)
    return outcome.write(folder, recipe, dataset, training, how, tuned, "tune")


def _recipe(metrics: dict[str, Any]) -> Recipe | None:
    """Return how the model was trained, if by `edgekit train`."""
    return from_json(metrics["recipe"], METRICS) if metrics.get("recipe") else None
