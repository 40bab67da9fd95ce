"""The options of fine-tuning that `edgekit train` and `edgekit tune` share."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgekit.commands import epochs, terminal
from edgekit.commands.options import FiniteRange
from edgekit.train.finetune.recipe import Tuning

if TYPE_CHECKING:
    from edgekit.train.finetune.run import Tuned
    from edgekit.train.fit import Data, Training

Command = TypeVar("Command", bound=Callable[..., Any])
FEWEST_WITH_ZEROS = 3
"""Minimum of different values in a pruned kernel: 0, a positive and a negative one."""


def stages(command: Command) -> Command:
    """Add ``--qat``, ``--prune`` and ``--cluster``."""
    for option in reversed(
        (
            click.option(
                "--qat",
                is_flag=True,
                help="Quantisation-aware training: fine-tune with int8's rounding in the forward "
                "pass; convert --quantize then uses the learned ranges.",
            ),
            click.option(
                "--prune",
                type=FiniteRange(0, 1, max_open=True),
                default=Tuning.prune,
                show_default="no pruning",
                metavar="SHARE",
                help="Fine-tune until this share of each kernel is 0, for example 0.8.",
            ),
            click.option(
                "--cluster",
                type=click.IntRange(0, 256),
                default=Tuning.cluster,
                show_default="no clustering",
                metavar="N",
                help="Fine-tune with at most N different values per kernel, for example 16.",
            ),
        )
    ):
        command = option(command)
    return command


def check(context: click.Context, tuning: Tuning) -> None:
    """Check the settings and the installed packages.

    Raises:
        UsageError: the settings cannot be combined.
        MissingExtraError: a package is missing.
    """
    if tuning.cluster == 1:
        raise click.UsageError("--cluster 1: needs at least 2 values, or 0 for none", context)
    if tuning.prune and 0 < tuning.cluster < FEWEST_WITH_ZEROS:
        raise click.UsageError(
            f"--cluster {tuning.cluster} with --prune: needs at least {FEWEST_WITH_ZEROS} values, "
            "one of which is 0",
            context,
        )
    if tuning.stages:
        from edgekit.train.finetune.run import require_packages

        require_packages()


def tuned_on(
    training: "Training", tuning: Tuning, data: "Data", where: str, task: str, *, verbose: bool
) -> tuple["Training", "Tuned"]:
    """Fine-tune ``training``'s model and show the epochs; return it with the longer history."""
    from edgekit.train.finetune.loss import described
    from edgekit.train.finetune.run import tune

    with epochs.progress(len(tuning.stages) * tuning.epochs, "fine-tuning") as on_epoch:
        tuned = tune(
            training.model,
            tuning,
            data,
            where,
            task,
            first_epoch=len(training.history) + 1,
            on_epoch=on_epoch,
            verbose=verbose,
        )
    if described(training.model.loss) is None:
        terminal.note(f"fine-tuned with {tuned.loss}: the model's own loss exists only in Keras 3")
    history = (*training.history, *tuned.history)
    return replace(training, history=history, seconds=training.seconds + tuned.seconds), tuned
