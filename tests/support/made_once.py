"""A folder that is filled once in a run, whichever of pytest-xdist's workers needs it first."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit import locks


def folder(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder of the run that ``make`` has filled; other workers wait for it meanwhile."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each has a folder of its own in that of the run
        base = base.parent
    path = base / name
    with (base / f"{name}.lock").open("a") as lock:
        locks.take(lock.fileno(), wait=True)
        if not os.fstat(lock.fileno()).st_size:
            path.mkdir(exist_ok=True)
            make(path)
            lock.write("made\n")
    return path
