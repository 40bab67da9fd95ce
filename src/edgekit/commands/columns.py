"""Names, figures and file contents as aligned lines that fit a page."""

from collections.abc import Mapping, Sequence
from textwrap import wrap

LINE = 98
"""Characters of a line, without the indentation of two."""


def sections(parts: Mapping[str, Sequence[str]]) -> str:
    """Return titled sections, their lines indented, a blank line between them; not empty ones."""
    return "\n\n".join(
        "\n  ".join(map(_plain, [title, *lines])) for title, lines in parts.items() if lines
    )


def pairs(texts: Mapping[str, str]) -> list[str]:
    """Return aligned lines of name and text, long texts wrapped."""
    names = [clip(name, 32) for name in texts]
    indent = max(map(len, names), default=0) + 2
    lines = []
    for name, text in zip(names, texts.values(), strict=True):
        first, *others = wrap(text, LINE - indent) or [""]
        lines += [name.ljust(indent) + first, *(" " * indent + line for line in others)]
    return lines


def columns(
    rows: Sequence[tuple[str, ...]], elastic: int, right: tuple[int, ...] = ()
) -> list[str]:
    """Return rows with aligned columns, those numbered in ``right`` to the right.

    Column ``elastic`` gives way when a row would be too long.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    excess = sum(widths) + 2 * (len(widths) - 1) - LINE
    if excess > 0:
        widths[elastic] = max(8, widths[elastic] - excess)
    lines = []
    for row in rows:
        cells = (
            cell.rjust(width) if index in right else clip(cell, width).ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return lines


def clip(text: str, width: int) -> str:
    """Return ``text``, its end cut off where it is longer than ``width``."""
    return text if len(text) <= width else text[: width - 1] + "…"


def _plain(line: str) -> str:
    """Return the line with the control characters of a hostile file made harmless."""
    return "".join(character if character.isprintable() else "?" for character in line)
