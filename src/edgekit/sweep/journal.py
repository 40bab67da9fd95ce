"""Rows on disk, a line each, written through as soon as they are measured.

A run that is killed leaves whole lines and at most one torn one, the last, which is dropped. A row
that gets its latency later is written again: of two lines with the same key the later one holds.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edgekit import stored
from edgekit.errors import ResultError
from edgekit.files import to_json
from edgekit.locks import take
from edgekit.sweep.measurement import Measurement


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open the journal for reading and appending, alone as long as the block lasts.

    Raises:
        ResultError: another process has it open.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        _lock(file, path)
        yield file


def rows(file: BinaryIO) -> list[Measurement]:
    """Return the rows of an opened journal, and cut a torn last line off.

    Raises:
        ResultError: a line is none that :func:`append` wrote.
    """
    file.seek(0)
    content = file.read()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        file.truncate(whole)
    found = []
    for number, line in enumerate(content[:whole].splitlines(), 1):
        try:
            found.append(Measurement.from_dict(stored.parse(line)))
        except (ResultError, ValueError) as error:
            raise ResultError(
                f"{file.name}: line {number} is damaged ({error}): delete the line, and its point "
                "is measured again"
            ) from None
    return found


def append(file: BinaryIO, row: Measurement) -> None:
    """Add a row and return when it is on the disk."""
    file.write(to_json(row.to_dict(), None).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _lock(file: BinaryIO, path: Path) -> None:
    """Hold the file as long as it is open; the system lets go of it however the process ends."""
    try:
        take(file.fileno())
    except BlockingIOError:
        raise ResultError(
            f"{path}: another edgekit sweep is writing it: wait for it, or name another --artifacts"
        ) from None
