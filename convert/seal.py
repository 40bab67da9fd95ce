"""The digest of itself that a .tflite file contains.

It is in edgekit's own metadata entry, as "sha256" right after "format", and is the SHA-256 of the
whole file with the 64 characters of the digest replaced by zeros.
"""

import hashlib
import re

PLACEHOLDER = "0" * 64
"""Placeholder of the digest until the rest of the file is known."""

FIELD = re.compile(rb'\{"format": [0-9]+, "sha256": "([0-9a-f]{64})"')
"""Pattern of the entry in the file's bytes: it still matches where the structure is damaged."""


def seal(file: bytes) -> bytes:
    """Return ``file`` with its digest in place of the placeholder."""
    start, end = _place(file)
    return file[:start] + _digest(file, start, end) + file[end:]


def is_sealed(file: bytes) -> bool:
    """Tell whether a file contains a digest of itself."""
    return FIELD.search(file) is not None


def is_intact(file: bytes) -> bool:
    """Tell whether a sealed file is as it was written."""
    start, end = _place(file)
    return file[start:end] == _digest(file, start, end)


def _place(file: bytes) -> tuple[int, int]:
    match = FIELD.search(file)
    assert match is not None, "attach() writes the placeholder"
    return match.span(1)


def _digest(file: bytes, start: int, end: int) -> bytes:
    zeroed = (file[:start], PLACEHOLDER.encode(), file[end:])
    return hashlib.sha256(b"".join(zeroed)).hexdigest().encode()
