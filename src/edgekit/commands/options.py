"""Options that several commands share."""

import os
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge_runtime.metadata import FRAMINGS
from edgekit.commands import terminal
from edgekit.convert.conversion import TASKS
from edgekit.errors import ModelFileError, did_you_mean
from edgekit.files import DEFAULT_ARTIFACTS, INT8_MODEL

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Command = TypeVar("Command", bound=Callable[..., Any])


class Choice(click.Choice[str]):
    """A choice that suggests what a value may have been meant to be."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Say which values there are, and which are most like ``value``."""
        message = super().get_invalid_choice_message(value, ctx)
        return message.removesuffix(".") + did_you_mean(str(value), self.choices)


class InputFile(click.Path):
    """A file that is there, or a pipe; a device such as /dev/zero may have no end."""

    def __init__(self) -> None:
        """Take paths as Path objects."""
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the path."""
        path: Any = super().convert(value, param, ctx)
        if path.is_char_device() or path.is_block_device():
            self.fail(f"{path} is a device, and not a file", param, ctx)
        return path


class FiniteRange(click.FloatRange):
    """A FloatRange that refuses nan and infinity, which compare as inside every range."""

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
    show_default="found out from the model and the data, and said",
    help="What pixels 0 and 255 are on the model's scale.",
)
task = click.option(
    "--task",
    type=Choice(TASKS),
    show_default="found out from the output, the loss and the data, and said",
    help="What the output is: scores of classes, or numbers.",
)


def framing(default: str) -> Callable[[Command], Command]:
    """Return the ``--framing`` option; ``default`` says in words what holds without it."""
    return click.option(
        "--framing",
        type=Choice(FRAMINGS),
        show_default=default,
        help="How pictures become the model's size. digit: grey, light ink on dark, cropped and "
        "centred as MNIST is. resize: the whole picture. centre-crop: its middle. letterbox: the "
        "whole picture with black bars.",
    )


artifacts = click.option(
    "--artifacts",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_ARTIFACTS,
    envvar="EDGEKIT_ARTIFACTS",
    show_envvar=True,
    metavar="DIR",
    help="Folder where the commands meet.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def _remember(context: click.Context, option: click.Parameter, value: bool) -> bool:
    setattr(context.ensure_object(terminal.Voice), str(option.name), value)
    if value and option.name == "verbose":
        # By this edge_runtime lets LiteRT's own log lines through.
        os.environ["EDGEKIT_VERBOSE"] = "1"
    return value


QUIET = "No notes and no progress; warnings and errors stay."
VERBOSE = "Show what TensorFlow and LiteRT say, and the traceback of an internal error."
quiet = click.option(
    "-q", "--quiet", is_flag=True, callback=_remember, expose_value=False, help=QUIET
)
verbose = click.option("-v", "--verbose", is_flag=True, callback=_remember, help=VERBOSE)
"""For a command that hands ``verbose`` on; the others take ``verbosity``."""
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

    # What bash does with "file" undoes the items before it.
    names = [name for name in ("mnist", "synthetic") if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type="file"), *(CompletionItem(name) for name in names)]


def _complete_classes(
    _context: click.Context, _option: click.Parameter, incomplete: str
) -> list[str]:
    return [text for text in ("0,1", "0-9") if text.startswith(incomplete)]


def data(default: str | None) -> Callable[[Command], Command]:
    """Return the ``--data`` option; None as default lets the model say what it was trained on."""
    return click.option(
        "--data",
        default=default,
        show_default=True if default else "what the model was trained on",
        metavar="mnist|synthetic|PATH",
        shell_complete=_complete_data,
        help="PATH is a folder with one folder of images for each class, or an .npz of x and y: "
        "uint8 is pixels, floats are the model's inputs as they are.",
    )


def _parse_classes(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[str, ...] | None:
    if text is None:
        return None
    from edgekit.train.data import parse_classes

    return parse_classes(text)


def classes(default: str) -> Callable[[Command], Command]:
    """Return the ``--classes`` option; ``default`` says in words what holds without it."""
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
    help="Let dense int8 layers pass over inputs that stand for 0, as the background of digits "
    "does: the same bytes, faster where most are 0.",
)


trust = click.option(
    "--trust",
    is_flag=True,
    help="Run the code that a Keras model brings along or names, as a Lambda layer's, and ops that "
    "read and write files; without it such a model is refused.",
)


def int8_model(artifacts: Path) -> Path:
    """Return the int8 model of the artifacts folder.

    Raises:
        ModelFileError: there is none.
    """
    path = artifacts / INT8_MODEL
    if not path.exists():
        raise ModelFileError(f"{path}: not there: run edgekit convert --quantize, or name a model")
    return path
