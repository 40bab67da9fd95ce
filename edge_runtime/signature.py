"""Checks the Ed25519 signature (RFC 8032) of a file.

The signature is in FILE.sig beside the file: 64 bytes over the whole content, as
`openssl pkeyutl -sign -rawin` writes them. Keys are PEM files as `openssl genpkey` writes them.
"""

from __future__ import annotations

import os

from edge_runtime.errors import InputError, MissingPackageError, ModelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    KeySource: TypeAlias = str | os.PathLike[str] | bytes

SUFFIX = ".sig"
SIZE = 64
"""Bytes of a signature."""
RAW_KEY = 32
"""Bytes of a public key without PEM around it."""
KEY_LIMIT = 65536
"""Most bytes of a key file; that of an Ed25519 key has about 200."""


def public_key(source: KeySource) -> Ed25519PublicKey:
    """Read a public key.

    Args:
        source: path of a PEM file, PEM text as str or bytes, or the 32 bytes of the key.

    Raises:
        InputError: it cannot be read, or is something else.
        MissingPackageError: cryptography is not installed.
    """
    require_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if isinstance(source, bytes) and len(source) == RAW_KEY:
        return Ed25519PublicKey.from_public_bytes(source)
    name, pem = _pem(source)
    if b"PRIVATE KEY-----" in pem:
        raise InputError(
            f"{name} is a private key, which stays secret; checking needs the public one, from "
            "openssl pkey -in PRIVATE.pem -pubout -out PUBLIC.pem"
        )
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(
            f"{name} is no public key in PEM (-----BEGIN PUBLIC KEY-----), nor the {RAW_KEY} bytes "
            "of an Ed25519 key"
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{name} is a public key, but not of Ed25519")
    return key


def is_valid(key: Ed25519PublicKey, content: bytes, signature: bytes) -> bool:
    """Return whether ``signature`` is one of ``content`` by ``key``."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def read_signature(path: str) -> bytes:
    """Return the content of a signature file, truncated if it is longer than a signature.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:  # noqa: PTH123 (pathlib takes 8 ms to import)
        return file.read(SIZE + 1)


def require_signature(name: str, content: bytes, source: KeySource) -> None:
    """Raise unless the signature beside the file ``name`` is one of ``content`` by the key.

    Raises:
        InputError: ``source`` is no public key; see :func:`public_key`.
        MissingPackageError: cryptography is not installed.
        ModelError: there is no signature, or it is of other content or by another key.
    """
    key = public_key(source)
    path = name + SUFFIX
    try:
        signature = read_signature(path)
    except OSError as error:
        raise ModelError(
            f"{name}: not signed: {path}: {error.strerror or error}; `edgekit sign` writes it"
        ) from error
    if not is_valid(key, content, signature):
        raise ModelError(
            f"{name}: {path} is not a signature of this file by this key: the file was changed, or "
            "signed with another key"
        )


def require_cryptography() -> None:
    """Raise MissingPackageError, with the command that installs it, if cryptography is missing."""
    try:
        import cryptography.exceptions  # noqa: F401
    except ImportError as error:
        from edge_runtime.install import install_line

        absent = isinstance(error, ModuleNotFoundError)
        state = "is not installed" if absent else f"does not load ({error})"
        raise MissingPackageError(
            f"cryptography {state}, which signatures need: {install_line('sign')}"
        ) from error


def _pem(source: KeySource) -> tuple[str, bytes]:
    """Return the name of the key for messages, and its PEM text."""
    if isinstance(source, bytes):
        return "public_key", source
    if isinstance(source, str) and "-----BEGIN" in source:
        return "public_key", source.encode()
    name = os.fspath(source)
    try:
        with open(name, "rb") as file:  # noqa: PTH123 (pathlib takes 8 ms to import)
            return name, file.read(KEY_LIMIT)
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
