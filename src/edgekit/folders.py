"""What lies below a folder, without following links and not without end."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

DEEPEST = 100
"""Folders inside each other, at most: Python's own search fails at some hundred."""


def below(folder: Path) -> Iterator[Path]:
    """Yield the files, folders and links below a folder, a link as itself.

    A folder that may not be read is yielded without what is in it.

    Raises:
        OSError: more than DEEPEST folders lie inside each other, or ``folder`` cannot be read.
    """
    waiting = [(folder, 0)]
    while waiting:
        path, depth = waiting.pop()
        if depth > DEEPEST:
            reason = f"more than {DEEPEST} folders inside each other"
            raise OSError(errno.ENAMETOOLONG, reason, str(folder))
        entries: list[os.DirEntry[str]] = []
        with suppress(PermissionError), os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        yield from (Path(entry.path) for entry in entries)
        folders = (one for one in entries if one.is_dir(follow_symlinks=False))
        waiting += [(Path(one.path), depth + 1) for one in folders]
