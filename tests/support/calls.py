"""Functions that tests let workers call, in a module that a fresh process can import."""

import os
import signal
from pathlib import Path


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    raise ValueError(f"not {number}")


def process(_: int) -> int:
    return os.getpid()


def square_or_die_once(task: tuple[int, str]) -> int:
    """Square the number; the first process with the number 2 is killed, as by the OOM killer."""
    number, marker = task
    if number == 2 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def die(_: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
