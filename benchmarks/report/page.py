"""Common parts of the HTML pages: the document, its header, sections, facts, scrolling tables."""

from collections.abc import Iterable, Sequence
from importlib.resources import files

from edgekit.escape import html
from edgekit.limits import MARKS, Verdict

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


def header(
    kicker: str,
    title: str,
    about: str,
    *,
    verdict: Verdict | None = None,
    banners: Sequence[str] = (),
    failures: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the head of a page.

    Args:
        kicker: the command.
        title: the title.
        about: a sentence.
        verdict: what marks and colours the title, if anything does.
        banners: warnings that nobody may miss.
        failures: what failed, and how.
    """
    heading = f"<h1>{html(title)}</h1>"
    if verdict:
        heading = f'<h1 class="{verdict}"><span>{MARKS[verdict]}</span> {html(title)}</h1>'
    warnings = "".join(f'<p class="banner">{html(banner)}</p>\n' for banner in banners)
    failed = "".join(
        f"<li><strong>{html(what)}</strong>: {html(how)}</li>" for what, how in failures
    )
    return (
        f'<header>\n<p class="kicker">{html(kicker)}</p>\n{heading}\n<p>{html(about)}</p>\n'
        + warnings
        + (f'<ul class="failures">{failed}</ul>\n' if failed else "")
        + "</header>\n"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a list of names and values, without those that have no value."""
    listed = "".join(
        f"<dt>{html(name)}</dt><dd>{html(value)}</dd>" for name, value in pairs if value
    )
    return f"<dl>{listed}</dl>"


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
