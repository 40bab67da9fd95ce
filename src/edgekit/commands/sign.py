"""``edgekit sign``: sign files with an Ed25519 key."""

import os
import sys
from pathlib import Path

import click

from edgekit.commands import options, terminal
from edgekit.errors import SigningError
from edgekit.escape import line
from edgekit.files import to_json

FORMAT, VERSION = "edgekit sign", 1

PASSPHRASE = "EDGEKIT_KEY_PASSPHRASE"
"""Environment variable with the passphrase of an encrypted private key."""

EXAMPLE = """
\b
openssl genpkey -algorithm ed25519 -out private.pem
openssl pkey -in private.pem -pubout -out public.pem
edgekit sign --key private.pem
edgekit verify --key public.pem
"""


@click.command(
    "sign",
    no_args_is_help=True,
    short_help="Sign files with an Ed25519 key, for verify --key and load().",
    epilog=EXAMPLE,
)
@click.argument(
    "path", type=click.Path(exists=True, path_type=Path), required=False, metavar="[DIR|FILE]"
)
@click.option(
    "--key",
    required=True,
    type=options.InputFile(),
    metavar="PRIVATE.pem",
    help=f"Ed25519 key as written by openssl. The passphrase of an encrypted one comes from "
    f"{PASSPHRASE}, or from a prompt.",
)
@options.artifacts
@options.as_json
@options.verbosity
def command(path: Path | None, key: Path, artifacts: Path, as_json: bool) -> int:
    """Write FILE.sig beside FILE: an Ed25519 signature of 64 bytes, which openssl can check.

    For a folder (by default the artifacts folder) this signs each SHA256SUMS, which covers every
    file it lists, and each .tflite file, which a device loads alone. Nothing is signed when a file
    does not match its digest.
    """
    from edgekit.sign import private_key, sign
    from edgekit.signed import fingerprint, signature_of

    secret = private_key(key, lambda: _passphrase(key))
    signed = sign(path or artifacts, secret)
    for model in signed.skipped:
        terminal.warn(f"{model}: not signed, as its digest is not stated: name it to sign it")
    if as_json:
        document = {
            "format": FORMAT,
            "version": VERSION,
            "key": fingerprint(secret),
            "files": [
                {"file": str(file), "signature": str(signature_of(file))} for file in signed.files
            ],
            "skipped": [str(model) for model in signed.skipped],
        }
        terminal.page(to_json(document))
    else:
        for file in signed.files:
            terminal.echo(f"{file} → {signature_of(file).name}")
        terminal.page(f"\nsigned by the key {fingerprint(secret)}")
    return 0


def _passphrase(key: Path) -> str:
    """Return the passphrase of an encrypted key."""
    if (passphrase := os.environ.get(PASSPHRASE)) is not None:
        return passphrase
    if not sys.stdin.isatty():
        raise SigningError(f"{key} is encrypted: set {PASSPHRASE}, or sign in a terminal")
    answer: str = click.prompt(f"Passphrase of {line(str(key))}", hide_input=True, err=True)
    return answer
