"""TensorFlow and Keras, imported late and without their start-up noise."""

import importlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from edgekit.errors import MissingExtraError

UNUSED = ("sklearn", "matplotlib")
"""What Keras imports, where it is installed, for wrappers and plots: a third of the time that
importing TensorFlow takes."""


def tensorflow(*, verbose: bool = False) -> Any:
    """Import and return TensorFlow; its log lines are shown only when ``verbose``.

    One inter-op thread unless TF_NUM_INTEROP_THREADS says otherwise: networks this small have
    nothing to run in parallel, and passing ops between threads costs a third of each step.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    if not verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    with native_stderr_silenced(unless=verbose), _absent(UNUSED):
        return _import("tensorflow", "TensorFlow", "training and conversion")


def train_on_one_thread() -> None:
    """Run each op on one thread, unless TF_NUM_INTRAOP_THREADS says otherwise.

    Call this before TensorFlow is imported. A matrix of 784 × 14 is not worth splitting; sums are
    calculated in the same order whatever the number of cores, and several trainings on one machine
    do not wait for each other's threads.
    """
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


def keras(*, verbose: bool = False) -> Any:
    """Import and return Keras 3 on TensorFlow.

    Raises:
        MissingExtraError: TensorFlow or Keras is not installed.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    tensorflow(verbose=verbose)
    with native_stderr_silenced(unless=verbose):
        return _import("keras", "Keras", "training and conversion")


def tf_keras(*, verbose: bool = False) -> Any:
    """Import and return Keras 2, which loads the models that Keras 3 does not.

    Raises:
        MissingExtraError: TensorFlow or tf_keras is not installed.
    """
    tensorflow(verbose=verbose)
    with native_stderr_silenced(unless=verbose):
        return _import("tf_keras", "tf_keras", "a Keras 2 model")


def _import(module: str, package: str, purpose: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise MissingExtraError(package, "host", purpose) from None


@contextmanager
def _absent(names: Iterable[str]) -> Iterator[None]:
    """Let imports of modules that nothing has imported yet fail."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def native_stderr_silenced(*, unless: bool) -> Iterator[None]:
    """Discard what C++ code writes to file descriptor 2, unless ``unless`` is set.

    TensorFlow's C++ logs before it has read its own log level, so the level alone is not enough.
    """
    if unless:
        yield
        return
    _open_if_closed()
    _flush_stderr()
    saved = os.dup(2)
    try:
        with tempfile.TemporaryFile() as sink:
            os.dup2(sink.fileno(), 2)
            yield
    finally:
        _flush_stderr()
        os.dup2(saved, 2)
        os.close(saved)


def _open_if_closed() -> None:
    """Open the null device as descriptor 2 if that is closed; else a file would get the log."""
    try:
        os.fstat(2)
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        if null != 2:
            os.dup2(null, 2)
            os.close(null)


def _flush_stderr() -> None:
    # A program without a console has none.
    if sys.stderr is not None:
        sys.stderr.flush()
