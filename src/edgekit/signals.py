"""Signals that end a run: they raise, as ^C does, so that it cleans up, or wait for a block."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a process from outside; SIGINT raises KeyboardInterrupt in Python anyway."""


class Terminated(KeyboardInterrupt):
    """One of ENDING arrived.

    Attributes:
        number: number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


_DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)
_UNTOUCHED = (signal.SIG_IGN, None)
"""Handlers that are ignored, or that Python did not install."""

_arrived: list[int] = []
"""Signals that have raised."""


@contextmanager
def raising() -> Iterator[None]:
    """Let ENDING raise :class:`Terminated` while the block lasts; ignored signals (nohup) stay so.

    For the main thread of our own program: a library does not change the handlers.
    """
    _arrived.clear()
    with _handled_by(_raise, lambda handler: handler in _DEFAULTS):
        yield


def cause(error: BaseException) -> BaseException:
    """Return what a signal raised, where a library replaced it with an error of its own.

    C++ code between the handler and us does so: in TensorFlow, pybind11 raises RuntimeError.
    """
    return _exception(_arrived[0]) if _arrived else error


def _raise(number: int, _frame: FrameType | None) -> None:
    _arrived.append(number)
    raise _exception(number)


def _exception(number: int) -> KeyboardInterrupt:
    return KeyboardInterrupt() if number == signal.SIGINT else Terminated(number)


@contextmanager
def deferred() -> Iterator[None]:
    """Delay signals that end the process until the block has succeeded.

    Only in the main thread, where handlers run and which alone can change them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    with _handled_by(
        lambda number, _: arrived.append(number), lambda handler: handler not in _UNTOUCHED
    ):
        yield
    for number in arrived[:1]:
        signal.raise_signal(number)


@contextmanager
def _handled_by(
    handler: Callable[[int, FrameType | None], object], replaces: Callable[[Any], bool]
) -> Iterator[None]:
    """Let ``handler`` handle signals that end the process while the block lasts.

    Args:
        handler: gets the signal's number and the current frame.
        replaces: whether it takes the place of the handler that a signal has.
    """
    before = {
        number: current
        for number in (signal.SIGINT, *ENDING)
        if replaces(current := signal.getsignal(number))
    }
    try:
        for number in before:
            signal.signal(number, handler)
        yield
    finally:
        for number, current in before.items():
            signal.signal(number, current)
