"""Locks that end with the process that holds them, whatever ends it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def take(descriptor: int, *, wait: bool = False) -> bool:
    """Lock an open file or folder until its descriptor is closed.

    Returns:
        Whether it is locked: False where the system or the file system has no such locks.

    Raises:
        BlockingIOError: another process holds it, and ``wait`` is not set.
    """
    try:
        import fcntl
    except ImportError:  # Windows, whose locks prevent others from reading, too
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


@contextmanager
def abandoned(path: Path) -> Iterator[bool]:
    """Yield whether no process holds ``path``; if so, it is held while the block lasts."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError:
        yield False
        return
    try:
        try:
            free = take(descriptor)
        except BlockingIOError:
            free = False
        yield free
    finally:
        os.close(descriptor)


def is_own(path: Path) -> bool:
    """Tell whether a file, a folder or a link exists and belongs to this user."""
    try:
        return path.lstat().st_uid == os.geteuid()
    except OSError:
        return False
