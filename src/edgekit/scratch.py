"""A temporary folder for each run, so that whatever ends it nothing stays behind for ever.

TemporaryDirectory leaves its folder when the process is killed, and TensorFlow's AutoGraph its
generated files. All of them, and those of child processes, go into the run's own folder, which the
next run removes when nobody holds it any more.
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
"""File in the folder by which it is known as ours; who made it holds a lock on it."""


@contextmanager
def own_folder() -> Iterator[None]:
    """Let all temporary files of this process and its children go into a folder of its own."""
    parent = tempfile.gettempdir()
    clear(Path(parent))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    # It gets its name when it is locked: nobody is to take it for an abandoned one.
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
    """Remove the folders of this user's runs that were killed."""
    with suppress(OSError):
        for mark in list(parent.glob(f"{PREFIX}*/{MARK}")):
            with suppress(OSError), abandoned(mark) as free:
                if free and is_own(mark.parent):
                    shutil.rmtree(mark.parent, ignore_errors=True)
