"""Signing: the holder of an Ed25519 key vouches for files, each signature a file beside its own."""

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
    """What was signed, and what of a folder was not.

    Attributes:
        files: each has a signature beside it now.
        passed_over: models that nothing states a digest of.
    """

    files: tuple[Path, ...]
    passed_over: tuple[Path, ...]


def sign(path: Path, key: "Ed25519PrivateKey") -> Signed:
    """Sign a file, or of a folder each SHA256SUMS and each .tflite file with a digest.

    A SHA256SUMS stands for all files that it lists; a .tflite gets a signature of its own, because
    a device loads it alone.

    Args:
        path: a file, or a folder, whose subfolders with a SHA256SUMS count as well.
        key: whose public half will check the signatures.

    Raises:
        DigestError: nothing states a digest of the folder's files.
        SigningError: a file is not as it was written, or something else lies where a signature
            belongs.
    """
    if path.is_dir() or path.name == SUMS:
        findings = verify(path)
    else:
        try:
            findings = verify(path)
        except DigestError:  # a file of another tool, whose owner may sign it all the same
            findings = []
    for finding in findings:
        if not finding.passed:
            raise SigningError(f"{finding.file}: {finding.detail}; nothing was signed")
    if path.is_file() and path.name != SUMS:
        files = [path]
    else:
        # The lists last: whoever finds one signed finds what it lists signed as well.
        known = [finding.file for finding in findings if finding.status is Status.OK]
        files = [file for file in known if file.suffix == ".tflite"]
        files += [file for file in known if file.name == SUMS]
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
        passphrase: called for a key that is encrypted.

    Raises:
        SigningError: the file is no such key, or the passphrase is not its own.
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
    except TypeError:  # by which cryptography says that the key is encrypted
        key = _decrypted(path, pem, passphrase())
    except (ValueError, UnsupportedAlgorithm):
        if b"BEGIN PUBLIC KEY-----" in pem:
            raise SigningError(f"{path} is a public key; who signs needs the private one") from None
        raise SigningError(
            f"{path} is no private key in PEM (-----BEGIN PRIVATE KEY-----), as `{GENERATE}` "
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
        raise SigningError(f"{path}: the passphrase is not the one of this key") from None


def _require_free(signature: Path) -> None:
    """Refuse to replace what is no signature of ours: other tools call theirs so as well."""
    if signature.exists() and not (signature.is_file() and signature.stat().st_size == SIZE):
        raise SigningError(
            f"{signature} is no Ed25519 signature of {SIZE} bytes: move it away; nothing was signed"
        )
