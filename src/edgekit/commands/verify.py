"""``edgekit verify``: checks that the commands' files have not changed."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.artifact_set import interrupted
from edgekit.columns import columns
from edgekit.commands import options, terminal
from edgekit.files import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from edgekit.verify import Finding

FORMAT = "edgekit verify"
VERSION = 1

COLOURS = {
    "ok": "green",
    "unknown": "yellow",
    "unsigned": "red",
    "changed": "red",
    "missing": "red",
}


@click.command("verify", short_help="Check that no file has changed since it was written.")
@click.argument(
    "path", type=click.Path(exists=True, path_type=Path), required=False, metavar="[DIR|FILE]"
)
@click.option(
    "--model",
    type=options.InputFile(),
    metavar="FILE",
    help="The .tflite file that the exports in DIR must have been made from.",
)
@click.option(
    "--key",
    type=options.InputFile(),
    metavar="PUBLIC.pem",
    help="Also require a signature of every file by this Ed25519 key; see edgekit sign.",
)
@options.artifacts
@options.as_json
@options.verbosity
def command(
    path: Path | None, model: Path | None, key: Path | None, artifacts: Path, as_json: bool
) -> int:
    """Compare files with the digests that were written with them.

    The digests are those in SHA256SUMS of the artifacts folder and of each export, that of itself
    in a .tflite file, and those in metrics.json, the reports and bench.json. The default is the
    artifacts folder. Exit code 1 when a file has changed, is missing or, with --key, is not signed;
    2 when no digest is stated.
    """
    from edgekit.verify import verify

    public = None
    if key is not None:
        from edge_runtime.signature import public_key

        public = public_key(key)
    findings = verify(path or artifacts, model, public)
    failed = sum(not finding.passed for finding in findings)
    for staged in interrupted(path or artifacts):
        terminal.warn(
            f"{staged}: a run was killed while it moved its files into place, so that files of "
            "two runs are there; the next train, convert or bench there moves the rest"
        )
    if as_json:
        terminal.page(to_json(_document(findings, public)))
    else:
        marks = max(7, *(len(finding.status) for finding in findings))
        lines = columns([(str(finding.file), finding.detail) for finding in findings])
        for finding, line in zip(findings, lines, strict=True):
            mark = terminal.Styled(f"{finding.status:{marks}}", COLOURS[finding.status])
            terminal.echo(mark, f"  {line}")
        count = f"{len(findings)} file{'s' * (len(findings) != 1)}"
        wrong = "changed, missing or unsigned" if key else "changed or missing"
        terminal.page(f"\n{count}, {failed or 'none'} {wrong}")
    return 1 if failed else 0


def _document(findings: "Sequence[Finding]", key: "Ed25519PublicKey | None") -> dict[str, object]:
    from edgekit.signed import fingerprint

    return {
        "format": FORMAT,
        "version": VERSION,
        "key": fingerprint(key) if key else None,
        "passed": all(finding.passed for finding in findings),
        "files": [{"file": str(f.file), "status": f.status, "detail": f.detail} for f in findings],
    }
