"""Options that several commands share."""

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import click

from edge_runtime.metadata import FRAMINGS
from edgekit.convert.recipe import TASKS
from edgekit.errors import ModelFileError
from edgekit.files import DEFAULT_ARTIFACTS, INT8_MODEL

Command = TypeVar("Command", bound=Callable[..., Any])


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
    type=click.Choice(TASKS),
    show_default="found out from the output, the loss and the data, and said",
    help="What the output is: scores of classes, or numbers.",
)


def framing(default: str) -> Callable[[Command], Command]:
    """Return the ``--framing`` option; ``default`` says in words what holds without it."""
    return click.option(
        "--framing",
        type=click.Choice(FRAMINGS),
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
verbose = click.option("-v", "--verbose", is_flag=True, help="Show what TensorFlow and LiteRT say.")


def data(default: str | None) -> Callable[[Command], Command]:
    """Return the ``--data`` option; None as default lets the model say what it was trained on."""
    return click.option(
        "--data",
        default=default,
        show_default=True if default else "what the model was trained on",
        metavar="mnist|synthetic|PATH",
        help="PATH is a folder with one folder of images for each class, or an .npz of x and y: "
        "uint8 is pixels, floats are the model's inputs as they are.",
    )


def _parse_classes(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[str, ...] | None:
    from edgekit.train.data import parse_classes

    return None if text is None else parse_classes(text)


def classes(default: str) -> Callable[[Command], Command]:
    """Return the ``--classes`` option; ``default`` says in words what holds without it."""
    return click.option(
        "--classes",
        callback=_parse_classes,
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


def int8_model(artifacts: Path) -> Path:
    """Return the int8 model of the artifacts folder.

    Raises:
        ModelFileError: there is none.
    """
    path = artifacts / INT8_MODEL
    if not path.exists():
        raise ModelFileError(f"{path}: not there: run edgekit convert --quantize, or name a model")
    return path
