"""Forked children that check something, and threads that work meanwhile."""

import os
import signal
import threading
import warnings
from collections.abc import Callable

HANGS = 10
"""Seconds after which a child that still runs counts as hanging."""


def in_child(check: Callable[[], bool]) -> str:
    """Fork, and return the result of ``check`` in the child."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CPython 3.12 warns of every fork beside threads
        pid = os.fork()
    if pid == 0:
        signal.alarm(HANGS)
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return ("right", "wrong", "raised")[os.WEXITSTATUS(status)]


class busy:  # noqa: N801 - used as a function
    """Threads that repeat a function."""

    def __init__(self, work: Callable[[], object], threads: int = 2) -> None:
        self._done, begun = threading.Event(), threading.Barrier(threads + 1)

        def again() -> None:
            begun.wait()
            while not self._done.is_set():
                work()

        self._threads = [threading.Thread(target=again) for _ in range(threads)]
        for one in self._threads:
            one.start()
        begun.wait()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for one in self._threads:
            one.join()
