"""Everything below a folder, without following links and with a limit on the depth."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

DEEPEST = 100
"""Most nested folders: Python's own search fails at some hundred."""


def below(folder: Path) -> Iterator[Path]:
    """Yield the files, folders and links below a folder, a link as itself.

    A folder that must not be read is yielded without its content.

    Raises:
        OSError: more than DEEPEST folders are nested, or ``folder`` cannot be read.
    """
    waiting = [(folder, 0)]
    while waiting:
        path, depth = waiting.pop()
        if depth > DEEPEST:
            reason = f"more than {DEEPEST} folders inside each other"
            raise OSError(errno.ENAMETOOLONG, reason, str(folder))
        entries: list[os.DirEntry[str]] = []
        with suppress(PermissionError), os.scandir(path) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
        yield from (Path(entry.path) for entry in entries)
        folders = (entry for entry in entries if entry.is_dir(follow_symlinks=False))
        waiting += [(Path(entry.path), depth + 1) for entry in folders]
