"""Lines of C that are not too long."""

from collections.abc import Iterable
from textwrap import fill

WIDTH = 100
"""Columns of a line."""


def filled(items: Iterable[str], indent: str, lengths: Iterable[int] | None = None) -> str:
    """Return items with commas between them, in lines of at most ``WIDTH`` columns.

    Args:
        items: the items.
        indent: what each line begins with.
        lengths: assumed columns of each item; None for its length.
    """
    lines: list[str] = []
    line: list[str] = []
    width = len(indent)
    measured = ((item, len(item)) for item in items)
    for item, length in measured if lengths is None else zip(items, lengths, strict=True):
        width += length + 2
        if width > WIDTH and line:
            lines.append(f"{indent}{', '.join(line)},")
            line, width = [], len(indent) + length + 2
        line.append(item)
    lines.append(f"{indent}{', '.join(line)}")
    return "\n".join(lines)


def wrapped(statement: str, indent: str) -> str:
    """Return a statement in lines of at most ``WIDTH`` columns, broken at its spaces.

    Args:
        statement: its text, which may also be broken at a space in a string.
        indent: what its first line begins with; others have four spaces more.
    """
    return fill(
        statement,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def prototype(start: str, parameters: Iterable[str]) -> str:
    """Return a function's head, which begins with ``start``, with a parameter on each line."""
    separator = ",\n" + " " * len(start)
    return f"{start}{separator.join(parameters)})"


def lines(parameters: Iterable[str]) -> str:
    """Return parameters of a function, each on a line of its own."""
    return ",\n    ".join(parameters)
