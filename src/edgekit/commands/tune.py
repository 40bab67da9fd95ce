"""``edgekit tune``: a trained Keras model in, a sparse, clustered or int8-ready one out."""

from pathlib import Path
from typing import Any

import click

from edgekit.commands import data_options, epochs, options, running, terminal, tune_options, tuning
from edgekit.files import KERAS_MODEL, to_json
from edgekit.index import write_index
from edgekit.train.finetune.recipe import Tuning
from edgekit.train.reading import Reading

DEFAULT = Tuning()


@click.command(
    name="tune", no_args_is_help=True, short_help="Fine-tune a model: QAT, pruning, clustering."
)
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.keras")
@tune_options.stages
@options.data(default=None)
@data_options.reading
@options.classes(default="those the model was trained on")
@options.task(default=options.TASK_DECIDED)
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
    "--batch-size", type=click.IntRange(1), default=DEFAULT.batch_size, help="Inputs per step."
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
    """Fine-tune a Keras 3 model on the data it was trained on.

    Pruning, clustering and quantisation-aware training run in this order, each keeping the
    results of those before. Writes the files that `edgekit train` writes into the artifacts
    folder; if MODEL is model.keras in that folder, it is replaced: name another folder to keep it.
    """
    settled = Tuning(**settings)
    if not settled.stages:
        raise click.UsageError("name at least one of --qat, --prune and --cluster", context)
    tune_options.check(context, settled)
    from edgekit.convert import job as jobs
    from edgekit.convert import source
    from edgekit.convert.conversion import Conversion
    from edgekit.convert.job_data import Choices

    running.warn_of_others(model)
    trained = source.load(model, trust=trust, verbose=verbose)
    for line in trained.trusted:
        terminal.warn(line)
    tuning.require_tunable(trained)
    choices = Choices(
        data=data,
        classes=classes,
        task=task,
        framing=framing,
        input_range=input_range,
        reading=reading,
    )
    job = jobs.prepare(trained, choices, Conversion())
    dataset = tuning.require_data(trained, job)
    for warning in job.warnings:
        terminal.warn(warning)
    for note in dataset.notes:
        terminal.note(note)
    written = tuning.write(artifacts, trained, job, settled, verbose=verbose)
    write_index(artifacts)
    if as_json:
        terminal.page(to_json(written))
    else:
        terminal.echo(f"{model} → {artifacts / KERAS_MODEL}")
        terminal.page(epochs.summary(written, artifacts))
    return 0
