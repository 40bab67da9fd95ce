"""``edgekit train``: images in, the documented model and its figures out."""

from pathlib import Path
from typing import Any

import click

from edgekit.commands import data_options, epochs, options, running, terminal, tune_options
from edgekit.files import to_json
from edgekit.index import write_index
from edgekit.train.finetune.recipe import after_training
from edgekit.train.reading import Reading
from edgekit.train.recipe import (
    INITIALIZERS,
    MONITORS,
    OPTIMIZERS,
    OUTPUT_ACTIVATIONS,
    Recipe,
)

DEFAULT = Recipe()


@click.command(name="train", short_help="Train the documented model.")
@options.data(default="mnist")
@data_options.reading
@options.classes(default="0,1; all for a PATH")
@click.option("--hidden", type=click.IntRange(1), default=DEFAULT.hidden, help="Hidden nodes.")
@click.option(
    "--output-activation",
    type=options.Choice(OUTPUT_ACTIVATIONS),
    default=DEFAULT.output_activation,
    help="Activation of the output layer.",
)
@click.option(
    "--initializer",
    type=options.Choice(INITIALIZERS),
    default=DEFAULT.initializer,
    help="Both kernels: Keras' default, N(0, 1), N(0, 0.05) within 2 sigma, U(-0.05, 0.05).",
)
@click.option(
    "--optimizer",
    type=options.Choice(OPTIMIZERS),
    default=DEFAULT.optimizer,
    help="With Keras' defaults except for the learning rate.",
)
@click.option(
    "--learning-rate",
    type=options.FiniteRange(0, min_open=True),
    default=DEFAULT.learning_rate,
    help="Learning rate of the optimizer.",
)
@click.option(
    "--epochs", type=click.IntRange(1), default=DEFAULT.epochs, help="Maximum number of epochs."
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=DEFAULT.batch_size,
    help="Images per step; 25 is the documented alternative.",
)
@click.option(
    "--patience",
    type=click.IntRange(0),
    default=DEFAULT.patience,
    help="Stop after this many epochs without a better --monitor.",
)
@click.option(
    "--monitor",
    type=options.Choice(MONITORS),
    default=DEFAULT.monitor,
    help="The loss that early stopping monitors; val_loss needs --validation-split.",
)
@click.option(
    "--validation-split",
    type=options.FiniteRange(0, 1, max_open=True),
    default=DEFAULT.validation_split,
    metavar="SHARE",
    help="Hold out this share of the training images, for example 0.1.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=DEFAULT.seed,
    help="Seed for initialisers and shuffling.",
)
@options.framing(default="digit for a folder; resize for an .npz")
@tune_options.stages
@options.artifacts
@options.as_json
@options.quiet
@options.verbose
@click.pass_context
@running.by_itself
def command(
    context: click.Context,
    /,
    data: str,
    classes: tuple[str, ...] | None,
    framing: str | None,
    reading: Reading,
    artifacts: Path,
    as_json: bool,
    verbose: bool,
    **hyper_parameters: Any,
) -> int:
    """Train the documented 784-14-2 model and write it with its figures.

    Into the artifacts folder: model.keras, history.csv, metrics.json, learning_curves.png,
    confusion_matrix.png, samples.png and model_card.md. The same command gives byte-identical
    weights on the same machine. --qat, --prune and --cluster fine-tune the trained model, for
    five epochs each at a tenth of the learning rate; `edgekit tune` has options for these.
    """
    recipe = Recipe(**hyper_parameters)
    if recipe.monitor == "val_loss" and not recipe.validation_split:
        raise click.UsageError("--monitor val_loss needs --validation-split, like 0.1", context)
    tuning = after_training(recipe)
    tune_options.check(context, tuning)

    from edgekit import frameworks

    frameworks.train_on_one_thread()
    frameworks.keras(verbose=verbose)
    from edgekit.train import fit, outcome
    from edgekit.train.api import pictures
    from edgekit.train.finetune.run import Data

    dataset = pictures(recipe, data, classes, framing, reading)
    for note in dataset.notes:
        terminal.note(note)
    terminal.say(
        f"data: {dataset.name}, classes {', '.join(dataset.labels)}, "
        f"{len(dataset.x_train)} training and {len(dataset.x_test)} test images"
    )
    if len(dataset.labels) > 2 and recipe.output_activation == "sigmoid":
        terminal.note(
            "sigmoid scores of more than two classes saturate, and int8 then cannot distinguish "
            "them; use --output-activation softmax"
        )
    with epochs.progress(recipe.epochs, "training") as on_epoch:
        training = fit.fit(recipe, dataset, on_epoch)
    tuned = None
    if tuning.stages:
        sets = Data(*fit.split(recipe, dataset))
        training, tuned = tune_options.tuned_on(
            training, tuning, sets, "the trained model", verbose=verbose
        )
    metrics = outcome.write(artifacts, recipe, dataset, training, tuned)
    write_index(artifacts)
    if as_json:
        terminal.page(to_json(metrics))
    else:
        terminal.page(epochs.summary(metrics, artifacts))
    return 0
