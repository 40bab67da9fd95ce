"""Whether a file is covered by a key's signature: its own, or that of a SHA256SUMS listing it."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.signature import SUFFIX, is_valid, read_signature
from edgekit import digests
from edgekit.digests import SUMS
from edgekit.files import sha256

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


def signature_of(file: Path) -> Path:
    """Return the path of a file's signature."""
    return file.with_name(file.name + SUFFIX)


def fingerprint(key: "Ed25519PublicKey | Ed25519PrivateKey") -> str:
    """Return the hex SHA-256 of a public key, or of a private key's public half.

    The same as `openssl pkey -pubin -in public.pem -outform DER | sha256sum`.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def objection(file: Path, key: "Ed25519PublicKey") -> str:
    """Return why no signature by ``key`` covers the present file; "" when one does."""
    signature = signature_of(file)
    if signature.exists() or signature.is_symlink():
        if _is_signed(file, key):
            return ""
        return (
            f"{signature.name} is for other content, or by another key: sign the file again if "
            "it is right"
        )
    for folder in file.absolute().parents:
        sums = digests.read(folder / SUMS)
        name = file.absolute().relative_to(folder).as_posix()
        listed = sums.digests.get(name) if sums and sums.intact else None
        if listed and file.is_file() and sha256(file) == listed:
            if _is_signed(folder / SUMS, key):
                return ""
            return f"the {SUMS} that lists it is not either"
    return f"there is no {signature.name}" + (file.name != SUMS) * f", and no {SUMS} lists it"


def _is_signed(file: Path, key: "Ed25519PublicKey") -> bool:
    """Tell whether the signature beside a file is valid for its content."""
    if not file.is_file():  # a pipe, which would never end
        return False
    try:
        return is_valid(key, file.read_bytes(), read_signature(str(signature_of(file))))
    except OSError:
        return False
