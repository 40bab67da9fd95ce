"""``edgekit doctor``: checks the installation and prints the command that fixes each problem."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from edgekit.commands import options, terminal
from edgekit.files import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.doctor import Check

FORMAT = "edgekit doctor"
VERSION = 1

COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


MARKS = """
\b
ok     present and compatible
note   optional and missing, or worth knowing
wrong  needed by the installed extras, and missing or broken (exit code 2)
"""


@click.command(
    name="doctor", short_help="Check the environment and say how to fix it.", epilog=MARKS
)
@options.as_json
@options.verbosity
def command(as_json: bool) -> int:
    """Check Python, packages, compilers and data; print the command that fixes each problem."""
    from edgekit.doctor import Level, diagnose

    checks = diagnose()
    wrong = sum(check.status is Level.WRONG for check in checks)
    if as_json:
        head = {"format": FORMAT, "version": VERSION, "ok": not wrong}
        terminal.page(to_json({**head, "checks": [asdict(check) for check in checks]}))
    else:
        for parts in _table(checks):
            terminal.echo(*parts)
        terminal.echo()
        terminal.echo(
            f"not ready, {wrong} wrong: the $ line under each fixes it"
            if wrong
            else "ready; what the notes say is optional"
        )
    return 2 if wrong else 0


def _table(checks: "Sequence[Check]") -> "list[tuple[str | terminal.Styled, ...]]":
    width = max(len(check.subject) for check in checks)
    lines: list[tuple[str | terminal.Styled, ...]] = []
    for check in checks:
        mark = terminal.Styled(f"{check.status:5}", COLOURS[check.status])
        lines.append((mark, f"  {check.subject:{width}}  {check.detail}"))
        if check.fix:
            lines.append((f"{'':{width + 9}}$ {check.fix}",))
    return lines
