"""A process that ends when its parent does, whatever kills the parent."""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

PR_SET_PDEATHSIG = 1
"""Constant of Linux' prctl."""


def end_with(wait: Callable[[], object]) -> None:
    """End this process as soon as ``wait`` returns, which it does when the parent is gone.

    The thread that waits needs the interpreter, which TensorFlow blocks for seconds; so on Linux
    the system is also asked to send a SIGKILL.

    Args:
        wait: reads a pipe from the parent until its end.
    """
    if sys.platform == "linux":
        with suppress(ImportError, OSError, AttributeError):
            import ctypes
            import signal

            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))

    def watch() -> None:
        wait()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
