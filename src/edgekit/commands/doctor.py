"""``edgekit doctor``: what is there, what is wrong, and the line that fixes it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from edgekit.commands import options
from edgekit.files import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.doctor import Check

FORMAT = "edgekit doctor"
VERSION = 1

COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


MARKS = """
\b
ok     is there and fits
note   something optional is not there, or good to know
wrong  what the installed extras need is missing or broken (exit code 2)
"""


@click.command(
    name="doctor", short_help="Check the environment and say how to fix it.", epilog=MARKS
)
@options.as_json
@options.verbosity
def command(as_json: bool) -> int:
    """Check Python, packages, compilers and data, and print the line that fixes each problem."""
    from edgekit.doctor import Status, diagnose

    checks = diagnose()
    wrong = sum(check.status is Status.WRONG for check in checks)
    if as_json:
        head = {"format": FORMAT, "version": VERSION, "ok": not wrong}
        click.echo(to_json({**head, "checks": [asdict(check) for check in checks]}))
    else:
        click.echo("\n".join(_table(checks)))
        click.echo()
        click.echo(
            f"not ready, {wrong} wrong: the $ line under each fixes it"
            if wrong
            else "ready; what the notes say is optional"
        )
    return 2 if wrong else 0


def _table(checks: "Sequence[Check]") -> "list[str]":
    width = max(len(check.subject) for check in checks)
    lines = []
    for check in checks:
        mark = click.style(f"{check.status:5}", fg=COLOURS[check.status])
        lines.append(f"{mark}  {check.subject:{width}}  {check.detail}")
        if check.fix:
            lines.append(f"{'':{width + 9}}$ {check.fix}")
    return lines
