"""The journal: measurements on disk, a line each, synced as soon as they are made.

A killed run leaves complete lines and at most one incomplete one, the last, which is dropped. A
measurement that gets its latency later is written again: of two lines with the same key, the later
one counts.
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
    """Open the journal for reading and appending, exclusively while the block lasts.

    Raises:
        ResultError: another process has it open.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        _lock(file, path)
        yield file


def rows(file: BinaryIO) -> list[Measurement]:
    """Return the measurements of an opened journal, and remove an incomplete last line.

    Raises:
        ResultError: a line was not written by :func:`append`.
    """
    file.seek(0)
    content = file.read()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        file.truncate(end)
    measurements = []
    for number, line in enumerate(content[:end].splitlines(), 1):
        try:
            measurements.append(Measurement.from_dict(stored.parse(line)))
        except (ResultError, ValueError) as error:
            raise ResultError(
                f"{file.name}: line {number} is damaged ({error}): delete the line, and its point "
                "is measured again"
            ) from None
    return measurements


def append(file: BinaryIO, row: Measurement) -> None:
    """Add a measurement, and return when it is on the disk."""
    file.write(to_json(row.to_dict(), None).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _lock(file: BinaryIO, path: Path) -> None:
    """Lock the file while it is open; the system releases it however the process ends."""
    try:
        take(file.fileno())
    except BlockingIOError:
        raise ResultError(
            f"{path}: another edgekit sweep is writing it: wait for it, or choose another "
            "--artifacts"
        ) from None
