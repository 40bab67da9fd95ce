"""Common parts of the HTML pages: the document, sections, tables that scroll."""

from collections.abc import Sequence
from importlib.resources import files

from edgekit.escape import html

GENERATOR = '<meta name="generator" content="edgekit">'
"""Identifies edgekit's pages."""


def page(title: str, body: Sequence[str], style: str = "") -> str:
    """Return a whole document of sections; ``style`` is CSS in addition to report.css."""
    common = files("edgekit.benchmarks.report").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{GENERATOR}\n'
        f"<title>{html(title)}</title>\n<style>\n{common}{style}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(body)}</main>\n</body>\n</html>\n"
    )


def section(title: str, content: str, note: str = "") -> str:
    """Return a titled section with an explanation below it; "" without content."""
    if not content:
        return ""
    explained = f'<p class="note">{html(note)}</p>' if note else ""
    return f"<section>\n<h2>{html(title)}</h2>\n{content}\n{explained}</section>\n"


def scrolling(content: str, label: str) -> str:
    """Return content that can be wider than the page in a box that scrolls, also by keyboard.

    The style sheet shades the edge that hides content. ``label`` is the text for screen readers.
    """
    about = f'role="region" aria-label="{html(label)}" tabindex="0"'
    return f'<div class="scroll" {about}>{content}</div>'
