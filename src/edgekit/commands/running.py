"""Wrappers of commands that write artifacts: one at a time, and nothing left behind."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from edgekit import artifact_set, digests, files, scratch
from edgekit.commands import terminal
from edgekit.errors import BusyError
from edgekit.locks import take

LOCK = ".edgekit.lock"
"""File in the artifacts folder while a run writes there."""

Arguments = ParamSpec("Arguments")


def with_scratch(command: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """Give the command its own temporary folder, and remove those of killed runs."""

    @wraps(command)
    def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> int:
        with scratch.own_folder():
            return command(*arguments, **named)

    return run


def by_itself(command: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """Make the command the only one in its artifacts folder, with its own temporary folder.

    A command whose ``--output`` is elsewhere does not need the folder for itself.
    """

    @wraps(command)
    def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> int:
        artifacts, output = named["artifacts"], named.get("output")
        assert isinstance(artifacts, Path)
        if isinstance(output, Path) and output.parent.resolve() != artifacts.resolve():
            return command(*arguments, **named)
        with alone(artifacts):
            return command(*arguments, **named)

    return with_scratch(run)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the artifacts folder while the block lasts, after cleaning up after killed runs.

    Raises:
        BusyError: another run holds it.
        OSError: the folder is not writable.
    """
    files.require_writable(folder)
    with files.created(folder):
        descriptor = _hold(folder)
        try:
            finish(folder)
            files.clear(folder)
            yield
        finally:
            with suppress(OSError):  # Windows removes no open file
                (folder / LOCK).unlink()
            os.close(descriptor)


def finish(folder: Path) -> None:
    """Move the rest of a killed run's complete set of files into place, and print a note.

    A read-only folder stays as it is.
    """
    if os.access(folder, os.W_OK) and (names := artifact_set.finish(folder)):
        terminal.note(
            f"{folder}: a run was killed while it moved its files into place; now all are there: "
            f"{', '.join(names)}"
        )


def warn_of_others(*models: Path) -> None:
    """Warn of each model that is not the file listed in SHA256SUMS."""
    for path in filter(digests.is_another, models):
        terminal.warn(
            f"{path}: not the file that {digests.SUMS} beside it lists: from another run, or "
            f"changed since; edgekit verify {path.parent} compares all"
        )


def _hold(folder: Path) -> int:
    """Return the descriptor that holds the folder until it is closed."""
    path = folder / LOCK
    while True:
        descriptor = _opened(path)
        try:
            take(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            raise BusyError(
                f"{folder}: another edgekit is writing there: wait for it, or choose another "
                "--artifacts"
            ) from None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        # Its last holder removed it between the two lines above.
        os.close(descriptor)


def _opened(path: Path) -> int:
    flags = getattr(os, "O_NOFOLLOW", 0)
    try:
        # NFS locks only what is open for writing.
        return os.open(path, flags | os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        # The file of another user's run, which holds it or was killed.
        return os.open(path, flags | os.O_RDONLY)
