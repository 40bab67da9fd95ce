"""``edgekit train``: data in, a trained model and its figures out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from edgekit.commands import data_options, epochs, options, running, terminal, tune_options
from edgekit.files import to_json
from edgekit.index import write_index
from edgekit.train.finetune.recipe import after_training
from edgekit.train.reading import Reading
from edgekit.train.recipe import (
    CLASS_WEIGHTS,
    DOCUMENTED,
    INITIALIZERS,
    MONITORS,
    OPTIMIZERS,
    OUTPUT_ACTIVATIONS,
    Recipe,
)

DEFAULT = Recipe()


OWN_LEARNING_RATE = 0.001
"""Learning rate of a user's model that is not compiled: Keras' default."""


def _checked_augment(_context: click.Context, _option: click.Parameter, text: str) -> str:
    if text:
        from edgekit.train.augment import parse

        parse(text)
    return text


@click.command(name="train", short_help="Train the documented model, or one of your own.")
@click.option(
    "--model",
    "own",
    metavar="PATH.py:FUNCTION",
    show_default="the documented model",
    help="Function that gets the shape of an input and the number of classes, and returns a Keras "
    "model, compiled or not. It runs the code of the file. `edgekit new` writes one to start from.",
)
@options.data(default="mnist")
@data_options.reading
@options.classes(default="0,1; all for a PATH")
@options.task(default=options.TASK_DECIDED)
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
    default=None,
    show_default=f"{DEFAULT.learning_rate:g}; {OWN_LEARNING_RATE:g} for --model",
    help="Learning rate of the optimizer; a compiled model keeps its own.",
)
@click.option(
    "--epochs", type=click.IntRange(1), default=DEFAULT.epochs, help="Maximum number of epochs."
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=DEFAULT.batch_size,
    help="Inputs per step; 25 is the documented alternative.",
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
    help="Hold out this share of the training inputs, for example 0.1.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=DEFAULT.seed,
    help="Seed for initialisers and shuffling.",
)
@click.option(
    "--class-weight",
    type=options.Choice(CLASS_WEIGHTS),
    default=DEFAULT.class_weight,
    help="balanced: all classes count the same, however many examples they have.",
)
@click.option(
    "--augment",
    default=DEFAULT.augment,
    metavar="LIST",
    show_default="nothing",
    callback=_checked_augment,
    help="Change training inputs at random, by Keras' layers: flip, rotate, zoom, shift, contrast, "
    "brightness, noise, as in flip,rotate=0.1.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on after the last epoch of a run that was killed: of the same options and data.",
)
@click.option(
    "--tensorboard",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    show_default="none",
    help="Write logs for TensorBoard.",
)
@options.framing(default="digit for a folder; resize for an .npz and for --model")
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
    own: str | None,
    data: str,
    classes: tuple[str, ...] | None,
    task: str | None,
    framing: str | None,
    learning_rate: float | None,
    resume: bool,
    tensorboard: Path | None,
    reading: Reading,
    artifacts: Path,
    as_json: bool,
    verbose: bool,
    **hyper_parameters: Any,
) -> int:
    """Train the documented 784-14-2 model, or one of your own, and write it with its figures.

    Into the artifacts folder: model.keras, history.csv, metrics.json, learning_curves.png,
    confusion_matrix.png, samples.png and model_card.md. The same command gives byte-identical
    weights on the same machine. --qat, --prune and --cluster fine-tune the trained model, for
    five epochs each at a tenth of the learning rate; `edgekit tune` has options for these.
    """
    _require_no_documented_options(context, own)
    rate = learning_rate or (OWN_LEARNING_RATE if own else DEFAULT.learning_rate)
    if task and not own:
        raise click.UsageError("--task is for a model of your own, --model", context)
    recipe = Recipe(learning_rate=rate, task=task or "", **hyper_parameters)
    if recipe.monitor == "val_loss" and not recipe.validation_split:
        raise click.UsageError("--monitor val_loss needs --validation-split, like 0.1", context)
    tuning = after_training(recipe)
    tune_options.check(context, tuning)

    from edgekit import frameworks

    frameworks.train_on_one_thread()
    frameworks.keras(verbose=verbose)
    from edgekit.train import checkpoint, fit, outcome, own_model
    from edgekit.train.api import inputs, use_of

    function = own_model.load(own) if own else None
    if function:
        recipe = replace(recipe, model=function.spelling, model_sha256=function.sha256)
    dataset = inputs(recipe, data, classes, framing, reading)
    for note in dataset.notes:
        terminal.note(note)
    named = f", classes {', '.join(dataset.labels)}" if dataset.labels else ""
    terminal.say(
        f"data: {dataset.name}{named}, {len(dataset.x_train)} training and {len(dataset.x_test)} "
        f"test {dataset.noun}"
    )
    if not own and len(dataset.labels) > 2 and recipe.output_activation == "sigmoid":
        terminal.note(
            "sigmoid scores of more than two classes saturate, and int8 then cannot distinguish "
            "them; use --output-activation softmax"
        )
    saved = artifacts / checkpoint.CHECKPOINT
    with epochs.progress(recipe.epochs, "training") as on_epoch:
        progress = fit.Progress(on_epoch, saved if own or resume else None, resume, tensorboard)
        training = fit.fit(recipe, dataset, progress, function)
    use, tuned = use_of(dataset, training.model, recipe), None
    if tuning.stages:
        sets = fit.split(recipe, fit.learned(dataset, use.task), training.model)
        training, tuned = tune_options.tuned_on(
            training, tuning, sets, "the trained model", use.task, verbose=verbose
        )
    metrics = outcome.write(artifacts, recipe, dataset, training, use, tuned)
    saved.unlink(missing_ok=True)
    write_index(artifacts)
    if as_json:
        terminal.page(to_json(metrics))
    else:
        terminal.page(epochs.summary(metrics, artifacts))
    return 0


def _require_no_documented_options(context: click.Context, own: str | None) -> None:
    """Raise UsageError where an option of the documented model is given with ``--model``."""
    for name in DOCUMENTED if own else ():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = "--" + name.replace("_", "-")
            raise click.UsageError(f"{option} is of the documented model, not of --model", context)
