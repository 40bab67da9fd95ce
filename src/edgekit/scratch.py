"""A temporary folder for each run, so that a killed run leaves nothing behind for ever.

TemporaryDirectory leaves its folder when the process is killed, and TensorFlow's AutoGraph leaves
its generated files. All of them, and those of child processes, go into the run's own folder, which
the next run removes when no process holds it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgekit import signals
from edgekit.locks import abandoned, is_own, take

PREFIX = "edgekit-"
MARK = ".edgekit-run"
"""File that marks the folder as ours; the run that created it holds a lock on it."""


@contextmanager
def own_folder() -> Iterator[None]:
    """Put all temporary files of this process and its children into a folder of its own."""
    parent = tempfile.gettempdir()
    clear(Path(parent))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    # It gets its name once it is locked, so that no process regards it as abandoned.
    descriptor = os.open(folder / "new", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        take(descriptor)
        with suppress(OSError):  # Windows moves no open file, and clears none either
            (folder / "new").rename(folder / MARK)
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        yield
    finally:
        tempfile.tempdir = before[0]
        if before[1] is None:
            os.environ.pop("TMPDIR", None)
        else:
            os.environ["TMPDIR"] = before[1]
        with signals.deferred():
            os.close(descriptor)
            shutil.rmtree(folder, ignore_errors=True)


def clear(parent: Path) -> None:
    """Remove the folders of this user's killed runs."""
    with suppress(OSError):
        for mark in list(parent.glob(f"{PREFIX}*/{MARK}")):
            with suppress(OSError), abandoned(mark) as free:
                if free and is_own(mark.parent):
                    shutil.rmtree(mark.parent, ignore_errors=True)
