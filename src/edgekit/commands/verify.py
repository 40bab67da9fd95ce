"""``edgekit verify``: has a byte of what the commands wrote changed since?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.artifact_set import interrupted
from edgekit.commands import options, terminal
from edgekit.files import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.verify import Finding

FORMAT = "edgekit verify"
VERSION = 1

COLOURS = {"ok": "green", "unknown": "yellow", "changed": "red", "missing": "red"}


@click.command("verify", short_help="Check that no file has changed since it was written.")
@click.argument(
    "path", type=click.Path(exists=True, path_type=Path), required=False, metavar="[DIR|FILE]"
)
@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The .tflite file that the exports in DIR must have been made from.",
)
@options.artifacts
@options.as_json
@options.verbosity
def command(path: Path | None, model: Path | None, artifacts: Path, as_json: bool) -> int:
    """Compare files with the digests that were written with them.

    Those in SHA256SUMS of the artifacts folder and of each export, the one that a .tflite file
    carries of itself, and those that metrics.json, the reports and bench.json state. Without DIR
    or FILE it is the artifacts folder. Exit code 1 when a file has changed or is missing, 2 when
    nothing states a digest.
    """
    from edgekit.verify import verify

    findings = verify(path or artifacts, model)
    failed = sum(not finding.passed for finding in findings)
    for staged in interrupted(path or artifacts):
        terminal.warn(
            f"{staged}: a run was killed while it put its files in place, so that those of two "
            "runs lie there; the next train, convert or bench there moves the rest"
        )
    if as_json:
        click.echo(to_json(_document(findings)))
    else:
        width = max(len(str(finding.file)) for finding in findings)
        for finding in findings:
            mark = click.style(f"{finding.status:7}", fg=COLOURS[finding.status])
            click.echo(f"{mark}  {finding.file!s:{width}}  {finding.detail}")
        count = f"{len(findings)} file{'s' * (len(findings) != 1)}"
        click.echo(f"\n{count}, {failed or 'none'} changed or missing")
    return 1 if failed else 0


def _document(findings: "Sequence[Finding]") -> dict[str, object]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "passed": all(finding.passed for finding in findings),
        "files": [
            {"file": str(one.file), "status": one.status, "detail": one.detail} for one in findings
        ],
    }
