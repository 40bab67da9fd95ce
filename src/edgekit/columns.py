"""Names, figures and file contents as aligned lines that fit a page, in a terminal's font.

Text of a file stays on its line and in its column, however wide its characters are.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

from edgekit.escape import line

LINE = 98
"""Width of a line in columns, without the indentation of two."""

FILLER = "\ue000"
"""Stands for the second column of a wide character while lines are wrapped."""


def sections(parts: Mapping[str, Sequence[str]]) -> str:
    """Return titled sections, lines indented, a blank line between them; empty ones are dropped."""
    return "\n\n".join(
        "\n  ".join(map(line, [title, *lines])) for title, lines in parts.items() if lines
    )


def pairs(texts: Mapping[str, str]) -> list[str]:
    """Return aligned lines of name and text, long texts wrapped."""
    names = [clip(line(name), 32) for name in texts]
    indent = max(map(width, names), default=0) + 2
    lines = []
    for name, text in zip(names, texts.values(), strict=True):
        first, *others = wrapped(line(text), LINE - indent) or [""]
        lines += [left(name, indent) + first, *(" " * indent + other for other in others)]
    return lines


def columns(
    rows: Sequence[Sequence[str]], elastic: int | None = None, right: Iterable[int] = ()
) -> list[str]:
    """Return rows with aligned columns, right-aligned for the indices in ``right``.

    Column ``elastic``, if any, is shortened when a row would be too long. A row may have fewer
    cells than the first.
    """
    rows, right = [tuple(map(line, row)) for row in rows], frozenset(right)
    widths = [
        max(width(row[i]) for row in rows if i < len(row))
        for i in range(len(rows[0]) if rows else 0)
    ]
    excess = sum(widths) + 2 * (len(widths) - 1) - LINE
    if elastic is not None and excess > 0:
        widths[elastic] = max(8, widths[elastic] - excess)
    lines = []
    for row in rows:
        cells = (
            (_right if index in right else left)(
                clip(cell, room) if index == elastic else cell, room
            )
            for index, (cell, room) in enumerate(zip(row, widths, strict=False))
        )
        lines.append("  ".join(cells).rstrip())
    return lines


def width(text: str) -> int:
    """Return the width of ``text`` in a terminal's columns."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def clip(text: str, limit: int) -> str:
    """Return ``text``, its end cut off where it is wider than ``limit`` columns."""
    return text if width(text) <= limit else f"{_beginning(text, limit - 1)}…"


def shortened(text: str, limit: int) -> str:
    """Return ``text`` without its middle where it is wider than ``limit`` columns."""
    if width(text) <= limit:
        return text
    front = max(1, (limit - 1) // 2)
    end = _beginning(text[::-1], max(0, limit - 1 - front))[::-1]
    return f"{_beginning(text, front)}…{end}"


def told_apart(texts: Sequence[str], shortest: int, longest: int) -> list[str]:
    """Return texts shortened to the fewest columns, ``shortest`` to ``longest``, that differ."""
    lines = [line(text) for text in texts]
    short: list[str] = []
    for room in range(shortest, longest + 1):
        short = [shortened(name, room) for name in lines]
        if len(set(short)) == len(set(lines)):
            break
    return short


def left(text: str, size: int) -> str:
    """Return ``text`` padded with spaces to ``size`` columns."""
    return text + " " * (size - width(text))


def wrapped(text: str, room: int) -> list[str]:
    """Return ``text`` in lines of at most ``room`` columns."""
    if text.isascii():
        return wrap(text, room)
    # One column less, in case a break falls inside a wide character.
    wide = "".join(c + FILLER * (_columns(c) - 1) for c in text)
    return [part.replace(FILLER, "") for part in wrap(wide, room - (wide != text))]


def _right(text: str, size: int) -> str:
    return " " * (size - width(text)) + text


def _beginning(text: str, limit: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += _columns(character)
        if used > limit:
            return text[:index]
    return text


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
