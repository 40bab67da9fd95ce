"""Output of the commands: results on stdout; notes, warnings and progress on stderr.

Both go through :func:`echo` or :func:`page`, which let no control character of a file reach the
terminal. ``-q`` silences notes and progress; warnings and errors always stay. Colours are left out
where the stream is not a terminal, or where :func:`colour_wanted` says so.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

Step = Callable[[str], None]
COLOURS = {"✓": "green", "✗": "red", "–": "yellow"}
"""Mark at the beginning of a verdict -> its colour."""


@dataclass(frozen=True)
class Styled:
    """A piece of text in a colour; plain strings have none."""

    text: str
    colour: str
    bold: bool = False


@dataclass
class Voice:
    """How much a command prints: ``-q`` and ``-v``, stored as the ``obj`` of click's context.

    Not frozen: click calls a callback for one option after the other.
    """

    quiet: bool = False
    verbose: bool = False


def voice() -> Voice:
    """Return the settings of the running command; the defaults outside of a command."""
    context = click.get_current_context(silent=True)
    return context.ensure_object(Voice) if context else Voice()


def echo(*parts: str | Styled, err: bool = False, colour: bool | None = None) -> None:
    """Print one line, whatever control characters and line breaks are in its parts.

    Args:
        parts: parts of the line.
        err: whether to print on stderr.
        colour: as :func:`colour_wanted`; None uses the command's context.
    """
    _print([_line(part) if isinstance(part, str) else part for part in parts], err, colour)


def page(*parts: str | Styled, err: bool = False) -> None:
    """Print several lines whose texts went through ``escape.line``, or JSON."""
    _print(parts, err=err, colour=None)


def _print(parts: Iterable[str | Styled], err: bool, colour: bool | None) -> None:
    text = "".join(
        _lines(part)
        if isinstance(part, str)
        else click.style(_line(part.text), fg=part.colour, bold=part.bold or None)
        for part in parts
    )
    click.echo(text, err=err, color=colour)  # noqa: TID251 - the one place


def _lines(text: str) -> str:
    return "\n".join(map(_line, text.split("\n")))


def _line(text: str) -> str:
    # Imported here, because `edgekit --help` does not need it.
    from edgekit.escape import line

    return line(text)


def note(text: str) -> None:
    """Print a note; ``-q`` silences it."""
    if not voice().quiet:
        echo(Styled("note:", "cyan"), f" {text}", err=True)


def warn(text: str) -> None:
    """Print a warning; ``-q`` does not silence it."""
    echo(Styled("warning:", "yellow", bold=True), f" {text}", err=True)


def say(text: str) -> None:
    """Print the command's progress; ``-q`` silences it."""
    if not voice().quiet:
        echo(text, err=True)


def coloured(text: str) -> list[str | Styled]:
    """Return the parts of ``text``, with the marks ✓ ✗ – at the beginning of lines coloured."""
    parts = re.split("^([✓✗–])(?= )", text, flags=re.M)
    return [Styled(part, COLOURS[part]) if index % 2 else part for index, part in enumerate(parts)]


def colour_wanted() -> bool | None:
    """Return what NO_COLOR and FORCE_COLOR demand; None for colours on terminals only.

    Source: no-color.org and force-color.org. An empty variable counts as unset.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return True if os.environ.get("FORCE_COLOR") else None


@contextmanager
def progress(
    task: str, total: int | None = None, *, prefix: str | None = "", animated: bool = True
) -> Iterator[Step]:
    """Yield a function to call with each step: a bar on a terminal, otherwise a line each.

    Args:
        task: name of the work, before the bar.
        total: number of steps; None where it is unknown.
        prefix: prefix of the lines where there is no bar; None leaves them out.
        animated: whether a thread keeps the bar moving between the steps.
    """
    settings = voice()
    if not settings.quiet and _bar_possible(settings):
        with _bar(task, total, animated=animated) as step:
            yield step
    elif settings.quiet or prefix is None:
        yield lambda _text: None
    else:
        yield lambda text: echo(f"{prefix}{text}", err=True)


@contextmanager
def working(task: str, step_text: str) -> Iterator[None]:
    """Show on a terminal that work is in progress; print nothing elsewhere."""
    with progress(task, prefix=None) as step:
        step(step_text)
        yield


def _bar_possible(settings: Voice) -> bool:
    """Tell whether stderr is a terminal that only we write to, and rich is installed."""
    from importlib.util import find_spec

    return (
        not settings.verbose
        and sys.stderr.isatty()
        and os.environ.get("TERM") != "dumb"
        and find_spec("rich") is not None
    )


@contextmanager
def _bar(title: str, total: int | None, *, animated: bool) -> Iterator[Step]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    caption = TextColumn(
        "{task.description}",
        markup=False,
        table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
    )
    columns: list[ProgressColumn] = [TextColumn(title, markup=False), BarColumn(bar_width=20)]
    if total:
        columns.append(MofNCompleteColumn())
    if animated:
        columns.append(TimeRemainingColumn() if total else TimeElapsedColumn())
    # Its own descriptor: descriptor 2 is silenced while TensorFlow starts.
    with (
        open(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding) as terminal,  # noqa: PTH123
        Progress(
            *columns,
            caption,
            console=Console(file=terminal),
            transient=True,
            redirect_stdout=False,
            expand=True,
            auto_refresh=animated,
        ) as bar,
    ):
        task = bar.add_task("", total=total)
        yield lambda text: bar.update(task, advance=1, description=_line(text), refresh=True)
