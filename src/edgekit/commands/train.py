"""``edgekit train``: images in, the documented model and its figures out."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.commands import options
from edgekit.errors import DataError
from edgekit.files import require_writable
from edgekit.train.recipe import (
    INITIALIZERS,
    MONITORS,
    OPTIMIZERS,
    OUTPUT_ACTIVATIONS,
    Recipe,
)

if TYPE_CHECKING:
    from edgekit.train.fit import Epoch

DEFAULT = Recipe()


@click.command(name="train", short_help="Train the documented model.")
@options.data(default="mnist")
@options.classes(default="0,1; all for a PATH")
@click.option("--hidden", type=click.IntRange(1), default=DEFAULT.hidden, help="Hidden nodes.")
@click.option(
    "--output-activation",
    type=click.Choice(OUTPUT_ACTIVATIONS),
    default=DEFAULT.output_activation,
    help="Activation of the output layer.",
)
@click.option(
    "--initializer",
    type=click.Choice(INITIALIZERS),
    default=DEFAULT.initializer,
    help="Of both kernels: Keras' default, N(0, 1), N(0, 0.05) cut at 2 sigma, U(-0.05, 0.05).",
)
@click.option(
    "--optimizer",
    type=click.Choice(OPTIMIZERS),
    default=DEFAULT.optimizer,
    help="Keras' own, with its defaults but the learning rate.",
)
@click.option(
    "--learning-rate",
    type=options.FiniteRange(0, min_open=True),
    default=DEFAULT.learning_rate,
    help="The optimizer's.",
)
@click.option("--epochs", type=click.IntRange(1), default=DEFAULT.epochs, help="At most so many.")
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=DEFAULT.batch_size,
    help="Images a step; 25 is the documented alternative.",
)
@click.option(
    "--patience",
    type=click.IntRange(0),
    default=DEFAULT.patience,
    help="Stop after so many epochs without a better --monitor.",
)
@click.option(
    "--monitor",
    type=click.Choice(MONITORS),
    default=DEFAULT.monitor,
    help="What early stopping watches; val_loss needs --validation-split.",
)
@click.option(
    "--validation-split",
    type=options.FiniteRange(0, 1, max_open=True),
    default=DEFAULT.validation_split,
    metavar="SHARE",
    help="Hold back this share of the training images, as 0.1.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=DEFAULT.seed,
    help="Of initialisers and shuffling.",
)
@options.artifacts
@options.as_json
@options.verbose
@click.pass_context
def command(
    context: click.Context,
    /,
    data: str,
    classes: tuple[str, ...] | None,
    artifacts: Path,
    as_json: bool,
    verbose: bool,
    **hyper_parameters: Any,
) -> int:
    """Train the documented 784-14-2 model and write it with its figures.

    Into the artifacts folder: model.keras, history.csv, metrics.json, learning_curves.png,
    confusion_matrix.png, samples.png and model_card.md. The same command gives byte-identical
    weights on the same machine.
    """
    recipe = Recipe(**hyper_parameters)
    if recipe.monitor == "val_loss" and not recipe.validation_split:
        raise click.UsageError("--monitor val_loss needs --validation-split, as 0.1", context)

    from edgekit import frameworks
    from edgekit.train.data import load

    frameworks.train_on_one_thread()
    frameworks.keras(verbose=verbose)
    from edgekit.train import fit, outcome

    require_writable(artifacts)
    dataset = load(data, classes)
    if int(len(dataset.x_train) * (1 - recipe.validation_split)) < 1:
        raise DataError(
            f"--validation-split {recipe.validation_split} leaves none of the "
            f"{len(dataset.x_train)} training images"
        )
    click.echo(
        f"data: {dataset.name}, classes {', '.join(dataset.labels)}, "
        f"{len(dataset.x_train)} training and {len(dataset.x_test)} test images",
        err=True,
    )
    if len(dataset.labels) > 2 and recipe.output_activation == "sigmoid":
        click.echo(
            "note: sigmoid scores of more than two classes saturate, and int8 then cannot tell "
            "them apart; --output-activation softmax keeps them apart",
            err=True,
        )
    with _progress(recipe) as on_epoch:
        training = fit.fit(recipe, dataset, on_epoch)
    metrics = outcome.write(artifacts, recipe, dataset, training)
    if as_json:
        click.echo(json.dumps(metrics, indent=2))
    else:
        click.echo(_summary(metrics, artifacts))
    return 0


@contextmanager
def _progress(recipe: Recipe) -> Iterator[Callable[["Epoch"], None]]:
    """Show epochs as they end: a live bar on a terminal, a line each otherwise."""
    if not sys.stderr.isatty():
        yield lambda epoch: click.echo(f"epoch {epoch.number:3}  {_figures(epoch)}", err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = ("training", BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[figures]}"))
    with Progress(*columns, Remaining(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=recipe.epochs, figures="building the graph")
        yield lambda epoch: bar.update(task, completed=epoch.number, figures=_figures(epoch))


def _figures(epoch: "Epoch") -> str:
    return (
        f"loss {epoch.loss:.5f}  accuracy {epoch.accuracy:.4f}  "
        f"held-out loss {epoch.held_out_loss:.5f}  accuracy {epoch.held_out_accuracy:.4f}"
    )


def _summary(metrics: dict[str, Any], artifacts: Path) -> str:
    confusion = metrics["confusion_matrix"]
    low, high = metrics["accuracy_95"]
    width = max(5, *(len(label) for label in confusion["labels"])) + 2
    lines = [
        f"{metrics['correct']} of {metrics['total']} test images right: accuracy "
        f"{metrics['accuracy']:.5f} (95 % interval {low:.5f} to {high:.5f})",
        f"{metrics['epochs_run']} epochs in {metrics['seconds']:.1f} s, "
        f"{metrics['seconds_per_epoch'] * 1000:.0f} ms each; {metrics['parameters']:,} parameters",
        "",
        "predicted ↓ true →" + "".join(f"{label:>{width}}" for label in confusion["labels"]),
        *(
            f"{label:>18}" + "".join(f"{count:{width}}" for count in row)
            for label, row in zip(confusion["labels"], confusion["matrix"], strict=True)
        ),
    ]
    if confusion["positive_class"] is not None:
        lines.append(f"TP FP / FN TN with {confusion['positive_class']} as the positive class")
    return "\n".join([*lines, "", f"written to {artifacts}{'' if str(artifacts) == '.' else '/'}"])
