"""Signing files with an Ed25519 key. Each signature is a file beside the one it signs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.signature import KEY_LIMIT, SIZE, require_cryptography
from edgekit.digests import SUMS
from edgekit.errors import DigestError, SigningError
from edgekit.files import write_bytes
from edgekit.signed import signature_of
from edgekit.verify import Status, verify

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

GENERATE = "openssl genpkey -algorithm ed25519 -out private.pem"


@dataclass(frozen=True)
class Signed:
    """Result of signing a folder or a file.

    Attributes:
        files: files that were signed.
        skipped: models in the folder without a stated digest.
    """

    files: tuple[Path, ...]
    skipped: tuple[Path, ...]


def sign(path: Path, key: "Ed25519PrivateKey") -> Signed:
    """Sign a file; or in a folder each SHA256SUMS, and each .tflite file with a digest.

    A signed SHA256SUMS covers every file it lists. A .tflite file gets a signature of its own,
    because a device loads it alone.

    Args:
        path: a file, or a folder; subfolders with a SHA256SUMS are included.
        key: the private key.

    Raises:
        DigestError: nothing states a digest of the folder's files.
        SigningError: a file has changed since it was written, or a signature would replace some
            other file.
    """
    alone = path.is_file() and path.name != SUMS
    try:
        findings = verify(path)
    except DigestError:
        if not alone:
            raise
        findings = []  # A file of another tool can be signed, too.
    for finding in findings:
        if not finding.passed:
            raise SigningError(f"{finding.file}: {finding.detail}; nothing was signed")
    if alone:
        files = [path]
    else:
        stated = [finding.file for finding in findings if finding.status is Status.OK]
        files = [file for file in stated if file.suffix == ".tflite" or file.name == SUMS]
    for file in files:
        _require_free(signature_of(file))
    for file in files:
        write_bytes(signature_of(file), key.sign(file.read_bytes()))
    unknown = (finding.file for finding in findings if finding.status is Status.UNKNOWN)
    return Signed(tuple(files), tuple(unknown))


def private_key(path: Path, passphrase: Callable[[], str]) -> "Ed25519PrivateKey":
    """Read a private key in PEM (PKCS#8), as ``openssl genpkey`` writes it.

    Args:
        path: the file.
        passphrase: returns the passphrase; called only for an encrypted key.

    Raises:
        SigningError: the file is not such a key, or the passphrase is wrong.
        MissingPackageError: cryptography is not installed.
    """
    require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    with path.open("rb") as file:
        pem = file.read(KEY_LIMIT)
    try:
        key = load_pem_private_key(pem, None)
    except TypeError:  # cryptography's error for an encrypted key
        key = _decrypted(path, pem, passphrase())
    except (ValueError, UnsupportedAlgorithm):
        if b"BEGIN PUBLIC KEY-----" in pem:
            raise SigningError(f"{path} is a public key; signing needs the private one") from None
        raise SigningError(
            f"{path} is not a private key in PEM (-----BEGIN PRIVATE KEY-----), as `{GENERATE}` "
            "writes it"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"{path} is a private key, but not of Ed25519, as `{GENERATE}` writes")
    return key


def _decrypted(path: Path, pem: bytes, passphrase: str) -> "PrivateKeyTypes":
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError):  # the latter for an empty one
        raise SigningError(f"{path}: the passphrase is wrong") from None


def _require_free(signature: Path) -> None:
    """Refuse to replace a file that is not an Ed25519 signature: GnuPG uses the same suffix."""
    if signature.exists() and not (signature.is_file() and signature.stat().st_size == SIZE):
        raise SigningError(
            f"{signature} is not an Ed25519 signature of {SIZE} bytes: move it away; nothing was "
            "signed"
        )
