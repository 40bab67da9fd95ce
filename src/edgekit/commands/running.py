"""Around the work of a command that writes artifacts: one at a time, and nothing left over."""

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
"""In the artifacts folder while a run writes there."""

Arguments = ParamSpec("Arguments")


def with_scratch(command: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """Give the command a temporary folder of its own, and remove those of runs that were killed."""

    @wraps(command)
    def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> int:
        with scratch.own_folder():
            return command(*arguments, **named)

    return run


def by_itself(command: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """Let the command be the only one in its artifacts folder, with a temporary folder of its own.

    One whose ``--output`` lies elsewhere does not disturb others there.
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
    """Hold the artifacts folder while the block lasts, after clearing up behind killed runs.

    Raises:
        BusyError: another run holds it.
        OSError: it cannot be written into.
    """
    files.require_writable(folder)
    with files.made(folder):
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
    """Put the rest of a set of files in place that a killed run had complete, and say so.

    A folder that can only be read stays as it is.
    """
    if os.access(folder, os.W_OK) and (names := artifact_set.finish(folder)):
        terminal.note(
            f"{folder}: a run was killed while it put its files in place; now all of them are: "
            f"{', '.join(names)}"
        )


def warn_of_others(*models: Path) -> None:
    """Warn of each model that is not the one which was written there."""
    for path in filter(digests.is_another, models):
        terminal.warn(
            f"{path}: not the file that {digests.SUMS} beside it lists: of another run, or changed "
            f"since; edgekit verify {path.parent} compares all"
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
                f"{folder}: another edgekit is writing there: wait for it, or name another "
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
        # That of another user, who holds it or was killed.
        return os.open(path, flags | os.O_RDONLY)
