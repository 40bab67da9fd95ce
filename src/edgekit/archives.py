"""Untrusted zip archives and arrays, read with limits."""

import lzma
import struct
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError

MOST_UNPACKED = 256 << 20
EXPANSION = 100
"""An archive may unpack to MOST_UNPACKED bytes, or to EXPANSION times its own size if that is more.

Stored weights and arrays do not shrink at all, deflated ones to a tenth; a bomb expands a
thousandfold.
"""


DAMAGED_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, KeyError, OSError, OverflowError, RuntimeError, ValueError),
)
"""Errors that zipfile raises for damaged, encrypted or unusual archives."""

DAMAGED_ARRAY = (*DAMAGED_ZIP, MemoryError, SyntaxError, TokenError, TypeError)
"""Errors that numpy.load raises for damaged files, whose header may claim any shape."""


def refusal(unpacked: int, packed: int) -> str | None:
    """Return why ``packed`` bytes that unpack to ``unpacked`` are refused; None if they are not."""
    if unpacked <= max(MOST_UNPACKED, EXPANSION * packed):
        return None
    return (
        f"its {packed:,} bytes unpack to {unpacked:,}; the limit is {MOST_UNPACKED:,}, or "
        f"{EXPANSION} times its size: if this is intended, store them uncompressed"
    )


def bomb(file: zipfile.ZipFile, path: Path) -> str | None:
    """Return why the archive at ``path`` must not be unpacked; None when it may be.

    The sizes are those that the archive states: zipfile returns no more bytes of a member than
    that. The size of the whole archive is the file system's, which no archive can forge.
    """
    unpacked = sum(member.file_size for member in file.infolist())
    return refusal(unpacked, path.stat().st_size)


def read(file: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Return the member ``name``.

    Raises:
        ValueError: the member has more than ``limit`` bytes.
        KeyError: there is no such member.
    """
    with file.open(name) as member:
        content = member.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"its {name} unpacks to more than {limit:,} bytes")
    return content


def no_array(error: Exception) -> str:
    """Return why numpy.load refused a file, without its advice to unpickle the content."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error)
    return "it holds Python objects, which are never loaded" if "pickle" in text else text
