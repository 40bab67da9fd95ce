"""Signals that end a run: they raise, as ^C does, so that it cleans up; a swap they wait for."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What ends a process from outside; SIGINT raises KeyboardInterrupt in Python anyway."""


class Terminated(KeyboardInterrupt):
    """One of ENDING arrived.

    Attributes:
        number: which.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


_arrived: list[int] = []
"""Those that have raised."""


@contextmanager
def raising() -> Iterator[None]:
    """Let ENDING raise :class:`Terminated` while the block lasts; what is ignored (nohup) stays so.

    For the main thread of a program of our own: a library leaves the handlers alone.
    """
    _arrived.clear()
    before = {
        number: handler
        for number in (signal.SIGINT, *ENDING)
        if (handler := signal.getsignal(number)) in (signal.SIG_DFL, signal.default_int_handler)
    }
    for number in before:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def cause(error: BaseException) -> BaseException:
    """Return what a signal raised, where a library has put an error of its own in its place.

    C++ code between the handler and us does so: a RuntimeError of pybind11's, in TensorFlow.
    """
    return _exception(_arrived[0]) if _arrived else error


def _raise(number: int, _frame: FrameType | None) -> None:
    _arrived.append(number)
    raise _exception(number)


def _exception(number: int) -> KeyboardInterrupt:
    return KeyboardInterrupt() if number == signal.SIGINT else Terminated(number)


@contextmanager
def deferred() -> Iterator[None]:
    """Let signals that end the process wait until the block has succeeded.

    In the main thread: it is where handlers run, and no other can change them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {
        number: handler
        for number in (signal.SIGINT, *ENDING)
        if (handler := signal.getsignal(number)) not in (None, signal.SIG_IGN)
    }
    try:
        for number in before:
            signal.signal(number, lambda number, _: arrived.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in arrived[:1]:
        signal.raise_signal(number)
