"""Options that several commands share."""

import os
from collections.abc import Callable, Iterable
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge_runtime.meaning import TASKS
from edge_runtime.metadata import FRAMINGS
from edgekit import limits
from edgekit.commands import terminal
from edgekit.convert.conversion import FORMER_TASKS, task_of
from edgekit.errors import ModelFileError, did_you_mean
from edgekit.files import DEFAULT_ARTIFACTS, INT8_MODEL

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Command = TypeVar("Command", bound=Callable[..., Any])


class Choice(click.Choice[str]):
    """A choice that suggests similar values for a wrong one."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Return the list of values, and those most similar to ``value``."""
        message = super().get_invalid_choice_message(value, ctx)
        return message.removesuffix(".") + did_you_mean(str(value), self.choices)


class Task(Choice):
    """A task, or its former name, which the help does not list."""

    def __init__(self) -> None:
        """Accept TASKS."""
        super().__init__(TASKS)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the task."""
        return task_of(value) if value in FORMER_TASKS else super().convert(value, param, ctx)


class Limit(click.ParamType[tuple[str, float]]):
    """NAME=VALUE: a metric and what it must reach."""

    name = "limit"

    def __init__(self, metrics: Iterable[str]) -> None:
        """Accept the names of ``metrics``."""
        self._metrics = tuple(metrics)

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        """Parse ``NAME=VALUE``."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        name = name.strip().lower()
        if name not in self._metrics:
            hint = did_you_mean(name, self._metrics)
            self.fail(f"{value!r}: there are {', '.join(self._metrics)}{hint}", param, ctx)
        try:
            limit = float(text)
        except ValueError:
            limit = nan
        if not equals or not isfinite(limit):
            self.fail(f"{value!r} is not a metric and a number, as {name}=0.9", param, ctx)
        return name, limit


least = click.option(
    "--min",
    "least",
    type=Limit(limits.LEAST),
    multiple=True,
    metavar="METRIC=VALUE",
    help=f"Fail where a metric is less: {', '.join(limits.LEAST)}. f1 is the mean of all classes, "
    "recall and precision are the least of any class. Repeatable.",
)
most = click.option(
    "--max",
    "most",
    type=Limit(limits.MOST),
    multiple=True,
    metavar="METRIC=VALUE",
    help=f"Fail where an error is more: {', '.join(limits.MOST)}. Repeatable.",
)


class InputFile(click.Path):
    """An existing file or a pipe; a device such as /dev/zero may have no end."""

    def __init__(self) -> None:
        """Accept existing paths, as Path objects."""
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the path."""
        path: Any = super().convert(value, param, ctx)
        if path.is_char_device() or path.is_block_device():
            self.fail(f"{path} is a device, and not a file", param, ctx)
        return path


class FiniteRange(click.FloatRange):
    """A FloatRange that refuses NaN and infinity, which pass every comparison."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Parse a finite number in the range."""
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class InputRange(click.ParamType[tuple[float, float]]):
    """Two numbers, LOW,HIGH: what pixels 0 and 255 become on the model's scale."""

    name = "range"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, float]:
        """Parse ``LOW,HIGH``."""
        try:
            low, high = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not two numbers, as 0,1 or -1,1", param, ctx)
        if not isfinite(low - high):
            self.fail(f"{value!r}: both numbers must be finite", param, ctx)
        if not low < high:
            self.fail(f"{value!r}: the first number must be the smaller one", param, ctx)
        return low, high


input_range = click.option(
    "--input-range",
    type=InputRange(),
    metavar="LOW,HIGH",
    show_default="decided from the model and the data, and printed",
    help="Pixels 0 and 255 on the model's scale.",
)


def task(default: str) -> Callable[[Command], Command]:
    """Return the ``--task`` option; ``default`` describes its default in words."""
    return click.option(
        "--task",
        type=Task(),
        show_default=default,
        help="What the output is. classify: scores of classes. binary: of two classes, with a "
        "threshold chosen on held-out inputs. multilabel: of labels that do not exclude each "
        "other. regress: numbers. anomaly: the rebuilt input, whose error tells anomalies.",
    )


TASK_DECIDED = "decided from the output, the loss and the data, and printed"


def framing(default: str) -> Callable[[Command], Command]:
    """Return the ``--framing`` option; ``default`` describes its default in words."""
    return click.option(
        "--framing",
        type=Choice(FRAMINGS),
        show_default=default,
        help="How images are brought to the model's size. digit: grey, light ink on dark, cropped "
        "and centred as in MNIST. resize: the whole image. centre-crop: its middle. letterbox: the "
        "whole image with black bars.",
    )


artifacts = click.option(
    "--artifacts",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_ARTIFACTS,
    envvar="EDGEKIT_ARTIFACTS",
    show_envvar=True,
    metavar="DIR",
    help="Folder that all commands share.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def _remember(context: click.Context, option: click.Parameter, value: bool) -> bool:
    setattr(context.ensure_object(terminal.Voice), str(option.name), value)
    if value and option.name == "verbose":
        # This makes edge_runtime show LiteRT's own log lines.
        os.environ["EDGEKIT_VERBOSE"] = "1"
    return value


QUIET = "Print no notes and no progress; warnings and errors stay."
VERBOSE = "Show the output of TensorFlow and LiteRT, and the traceback of an internal error."
quiet = click.option(
    "-q", "--quiet", is_flag=True, callback=_remember, expose_value=False, help=QUIET
)
verbose = click.option("-v", "--verbose", is_flag=True, callback=_remember, help=VERBOSE)
"""For a command that uses ``verbose`` itself; the others use ``verbosity``."""
_verbose = click.option(
    "-v", "--verbose", is_flag=True, callback=_remember, expose_value=False, help=VERBOSE
)


def verbosity(command: Command) -> Command:
    """Add ``--quiet`` and ``--verbose``, which the command itself does not see."""
    return quiet(_verbose(command))


def _complete_data(
    _context: click.Context, _option: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    # In bash, "file" discards the items before it.
    names = [name for name in ("mnist", "synthetic") if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type="file"), *(CompletionItem(name) for name in names)]


def _complete_classes(
    _context: click.Context, _option: click.Parameter, incomplete: str
) -> list[str]:
    return [text for text in ("0,1", "0-9") if text.startswith(incomplete)]


def data(default: str | None) -> Callable[[Command], Command]:
    """Return the ``--data`` option; the default None means what the model was trained on."""
    return click.option(
        "--data",
        default=default,
        show_default=True if default else "what the model was trained on",
        metavar="mnist|synthetic|PATH",
        shell_complete=_complete_data,
        help="PATH is a folder with one folder of images, WAV files or tables for each class; an "
        ".npz of x and y: uint8 is pixels, floats are the model's inputs as they are; or a table, "
        ".csv or .parquet.",
    )


def _parse_classes(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[str, ...] | None:
    if text is None:
        return None
    from edgekit.train.data import parse_classes

    return parse_classes(text)


def classes(default: str) -> Callable[[Command], Command]:
    """Return the ``--classes`` option; ``default`` describes its default in words."""
    return click.option(
        "--classes",
        callback=_parse_classes,
        shell_complete=_complete_classes,
        metavar="LIST",
        show_default=default,
        help="Classes and their order, as 0,1 or 0-9 or cat,dog; the first is the positive one.",
    )


skip_zeros = click.option(
    "--skip-zeros",
    is_flag=True,
    help="Let dense int8 layers skip inputs that stand for 0, such as the background of digits: "
    "the same output bytes, faster where most inputs are 0.",
)


min_ram = click.option(
    "--min-ram",
    is_flag=True,
    help="Run chains of layers row by row, so that few rows of an image are in memory: the same "
    "output bytes in the least RAM, for a few percent more instructions.",
)


trust = click.option(
    "--trust",
    is_flag=True,
    help="Run code that a Keras model contains or names, such as a Lambda layer's, and ops that "
    "read and write files; otherwise such a model is refused.",
)


def int8_model(artifacts: Path) -> Path:
    """Return the int8 model of the artifacts folder.

    Raises:
        ModelFileError: it does not exist.
    """
    path = artifacts / INT8_MODEL
    if not path.exists():
        raise ModelFileError(f"{path}: not found: run edgekit convert --quantize, or name a model")
    return path
