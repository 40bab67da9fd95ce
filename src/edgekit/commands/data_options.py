"""The options of how ``--data`` is read, which all commands that read data share."""

import csv
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from edge_runtime.front_end import MOST_BANDS, Audio
from edge_runtime.metadata import GROUNDS
from edgekit.commands.options import Choice, FiniteRange
from edgekit.train.reading import LARGEST_SIDE, LARGEST_WINDOW, LONGEST, RATES, SHORTEST, Reading

Command = TypeVar("Command", bound=Callable[..., Any])

CROPS = {"centre": "centre-crop", "none": "resize"}
"""Value of ``--crop`` -> the framing that it is another word for."""


class PictureSize(click.ParamType[tuple[int, int]]):
    """Height and width of pictures: 96x96."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Parse ``HEIGHTxWIDTH``."""
        match = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", str(value), re.ASCII)
        sides = tuple(map(int, match.groups())) if match else (0, 0)
        if not all(1 <= side <= LARGEST_SIDE for side in sides):
            self.fail(
                f"{value!r} is not a height and a width of 1 to {LARGEST_SIDE}, such as 96x96",
                param,
                ctx,
            )
        return sides[0], sides[1]


def _names(
    _context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the names of lists such as a,b; quotes keep a comma in a name."""
    try:
        rows = list(csv.reader(texts, strict=True))
    except csv.Error:
        raise click.BadParameter("a quote is not closed", param=option) from None
    names = tuple(name.strip() for row in rows for name in row)
    if not all(names):
        raise click.BadParameter("a name is empty", param=option)
    return names


OPTIONS: tuple[Callable[[Command], Command], ...] = (
    click.option(
        "--size",
        type=PictureSize(),
        metavar="HEIGHTxWIDTH",
        show_default="what the model needs, else that of the pictures",
        help="Size that pictures are brought to, as 96x96.",
    ),
    click.option(
        "--alpha-over",
        "ground",
        type=Choice(GROUNDS),
        show_default=GROUNDS[0],
        help="What shows where pictures are transparent; contrasting: white behind dark content, "
        "black behind light content.",
    ),
    click.option(
        "--label",
        multiple=True,
        callback=_names,
        metavar="COLUMN",
        show_default="label, class, target or y",
        help="Column of a table with the class or the target; several are several targets.",
    ),
    click.option(
        "--features",
        multiple=True,
        callback=_names,
        metavar="LIST",
        show_default="all other columns",
        help="Columns of a table that are the inputs, by name or pattern, as acc_*,gyro_*.",
    ),
    click.option(
        "--window",
        type=click.IntRange(1, LARGEST_WINDOW),
        metavar="ROWS",
        help="Rows of a table that are one input: windows of a time series, none of which crosses "
        "from one file, group or class to another.",
    ),
    click.option(
        "--stride",
        type=click.IntRange(1, LARGEST_WINDOW),
        metavar="ROWS",
        show_default="half a window",
        help="Rows from one window to the next.",
    ),
    click.option(
        "--group",
        metavar="NAME|PATTERN",
        show_default="groups, of an .npz that has it",
        help="What all inputs of one value are in the training part by, or all in the test part: "
        "a column of a table, such as a subject; an array of an .npz; of class folders of pictures "
        "or WAV files what a regular expression's only group finds in each file's name, as in "
        "'^([^_]+)_'.",
    ),
    click.option(
        "--split",
        metavar="COLUMN",
        help="Column of a table that says train or test.",
    ),
    click.option(
        "--seconds",
        type=FiniteRange(SHORTEST, LONGEST),
        show_default="what the model needs, else 1",
        help="Length that recordings are cut or padded to.",
    ),
    click.option(
        "--rate",
        type=click.IntRange(*RATES),
        metavar="HZ",
        show_default="what the model needs, else 16000",
        help="Rate that recordings are resampled to.",
    ),
    click.option(
        "--bands",
        type=click.IntRange(1, MOST_BANDS),
        metavar="N",
        show_default=f"what the model needs, else {Audio.bands}",
        help="Mel bands that recordings become.",
    ),
    click.option(
        "--mfcc",
        type=click.IntRange(1, MOST_BANDS),
        metavar="N",
        show_default="what the model needs, else none",
        help="Cepstral coefficients (MFCC) that recordings become instead of mel bands; at most as "
        "many as these.",
    ),
    click.option(
        "--skip-bad",
        is_flag=True,
        help="Leave out files and rows that cannot be used, and count them, instead of ending.",
    ),
)

crop = click.option(
    "--crop",
    type=Choice(tuple(CROPS)),
    help="How pictures get the model's size: centre is --framing centre-crop, none is --framing "
    "resize.",
)


def reading(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options; the command gets them as ``reading``, and those of ``--crop`` as framing.

    Without a ``framing`` of its own, the command does not get ``--crop``.
    """

    @wraps(command)
    def run(*arguments: Any, **named: Any) -> int:
        chosen = {name: named.pop(name) for name in Reading.__dataclass_fields__}
        if (word := named.pop("crop", None)) is not None:
            if named["framing"] not in (None, CROPS[word]):
                raise click.UsageError(
                    f"--crop {word} is --framing {CROPS[word]}: leave one of the two out"
                )
            named["framing"] = CROPS[word]
        return command(*arguments, **named, reading=Reading(**chosen))

    names = {option.name for option in getattr(command, "__click_params__", ())}
    for option in reversed((*OPTIONS, crop) if "framing" in names else OPTIONS):
        option(run)
    return run
