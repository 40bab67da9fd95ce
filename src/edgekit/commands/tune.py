"""``edgekit tune``: a trained Keras model in, a sparse, clustered or int8-ready one out."""

from pathlib import Path
from typing import Any

import click

from edge_runtime.meaning import CLASSIFY
from edgekit.commands import data_options, epochs, options, running, terminal, tune_options
from edgekit.errors import DataError, ModelFileError
from edgekit.files import KERAS_MODEL, METRICS, to_json
from edgekit.index import write_index
from edgekit.train.finetune.recipe import Tuning
from edgekit.train.reading import Reading
from edgekit.train.recipe import Recipe, from_json

DEFAULT = Tuning()


@click.command(
    name="tune", no_args_is_help=True, short_help="Fine-tune a model: QAT, pruning, clustering."
)
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.keras")
@tune_options.stages
@options.data(default=None)
@data_options.reading
@options.classes(default="those the model was trained on")
@options.task
@options.framing(default="as the model was trained; resize")
@options.input_range
@click.option("--epochs", type=click.IntRange(1), default=DEFAULT.epochs, help="Epochs per stage.")
@click.option(
    "--learning-rate",
    type=options.FiniteRange(0, min_open=True),
    default=DEFAULT.learning_rate,
    help="Learning rate of Adam.",
)
@click.option(
    "--batch-size", type=click.IntRange(1), default=DEFAULT.batch_size, help="Images per step."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=DEFAULT.seed, help="Seed for shuffling."
)
@options.trust
@options.artifacts
@options.as_json
@options.quiet
@options.verbose
@click.pass_context
@running.by_itself
def command(
    context: click.Context,
    /,
    model: Path,
    data: str | None,
    classes: tuple[str, ...] | None,
    task: str | None,
    framing: str | None,
    reading: Reading,
    input_range: tuple[float, float] | None,
    trust: bool,
    artifacts: Path,
    as_json: bool,
    verbose: bool,
    **settings: Any,
) -> int:
    """Fine-tune a Keras 3 classifier on the data it was trained on.

    Pruning, clustering and quantisation-aware training run in this order, each keeping the
    results of those before. Writes the files that `edgekit train` writes into the artifacts
    folder; if MODEL is model.keras in that folder, it is replaced: name another folder to keep it.
    """
    tuning = Tuning(**settings)
    if not tuning.stages:
        raise click.UsageError("name at least one of --qat, --prune and --cluster", context)
    tune_options.check(context, tuning)
    from edgekit.convert import job as jobs
    from edgekit.convert import metrics_file, source
    from edgekit.convert.conversion import Conversion
    from edgekit.convert.job_data import Choices

    running.warn_of_others(model)
    trained = source.load(model, trust=trust, verbose=verbose)
    source.require_one(trained)
    for line in trained.trusted:
        terminal.warn(line)
    if trained.origin != "Keras 3":
        raise ModelFileError(f"{model}: is a {trained.origin} model; only Keras 3 can be tuned")
    choices = Choices(
        data=data,
        classes=classes,
        task=task,
        framing=framing,
        input_range=input_range,
        reading=reading,
    )
    job = jobs.prepare(trained, choices, Conversion())
    dataset = job.dataset
    if dataset is None:
        raise DataError(
            f"{model}: no file beside the model says what it was trained on; pass --data"
        )
    if not dataset.labels:
        raise ModelFileError(
            f"{model}: its output is numbers ({job.meaning.reason}); only classifiers can be "
            "fine-tuned"
        )
    for warning in job.warnings:
        terminal.warn(warning)
    for note in dataset.notes:
        terminal.note(note)
    metrics = metrics_file.read(trained)
    from edgekit.train import outcome
    from edgekit.train.fit import Data, Training, targets_of

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
        str(model),
        verbose=verbose,
    )
    how = outcome.Use(job.normalization, job.meaning.name, job.meaning.task or CLASSIFY)
    recipe = _recipe(metrics)
    written = outcome.write(artifacts, recipe, dataset, training, how, tuned, "tune")
    write_index(artifacts)
    if as_json:
        terminal.page(to_json(written))
    else:
        terminal.echo(f"{model} → {artifacts / KERAS_MODEL}")
        terminal.page(epochs.summary(written, artifacts))
    return 0


def _recipe(metrics: dict[str, Any]) -> Recipe | None:
    """Return how the model was trained, if by `edgekit train`."""
    return from_json(metrics["recipe"], METRICS) if metrics.get("recipe") else None
