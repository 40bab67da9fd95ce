"""The engines that run a model. A backend is one file in this folder, found by its name.

The file has two functions: ``unavailable() -> str | None`` gives the reason why the backend cannot
run on this machine, None when it can; ``open_session(graph, data, *, option=default) -> Session``
opens the model whose file content is ``data`` (bytes, or a file mapped into memory), and its
keyword arguments are the backend's options.
"""

from __future__ import annotations

import os

from edge_runtime.errors import BackendError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any, Protocol

    import numpy.typing as npt
    from _typeshed import ReadableBuffer

    class Session(Protocol):
        """An opened model. The caller ensures that only one thread at a time uses it.

        It may have more functions: ``close()`` ends what would outlive the last run,
        ``after_fork()`` is called in a forked child, and ``bind(slow)`` returns a function that
        runs a fitting array.
        """

        def run(
            self, tensors: Sequence[ReadableBuffer | npt.NDArray[Any]]
        ) -> Sequence[ReadableBuffer | npt.NDArray[Any]]:
            """Run the model once.

            Args:
                tensors: a C-contiguous buffer (ndarray or memoryview) for each input, with exactly
                    its shape and element type.

            Returns:
                A new buffer for each output, of its shape and element type.
            """

        def run_batch(self, batches: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
            """Run one image after another, or many at once where that gives the same outputs.

            Args:
                batches: for each input [N, ...] in its element type, N a multiple of its first
                    dimension.

            Returns:
                For each output [N, ...] in its element type.
            """

        def reset(self) -> None:
            """Set the tensors that keep their values between runs to their initial values."""


def backends() -> tuple[str, ...]:
    """Return the names of all backends, present on this machine or not."""
    files = os.listdir(__path__[0])  # noqa: PTH208 (pathlib takes 8 ms to import)
    return tuple(sorted(name[:-3] for name in files if name.endswith(".py") and name[0] != "_"))


def find(name: str) -> ModuleType:
    """Import the backend called ``name``.

    Raises:
        BackendError: there is none.
    """
    if name not in backends():
        raise BackendError(f"unknown backend {name!r}: there are {', '.join(backends())}")
    # As importlib.import_module, without importing importlib.
    return __import__(f"{__name__}.{name}", fromlist=[name])


def unavailable(name: str) -> str | None:
    """Return why the backend called ``name`` cannot run on this machine, None when it can.

    No model or device is opened.

    Raises:
        BackendError: there is no backend of that name.
    """
    reason: str | None = find(name).unavailable()
    return reason


MOST_THREADS = 64
"""Most threads of a model."""


def require_threads(count: object) -> None:
    """Raise BackendError unless an option ``num_threads`` is a number of threads."""
    if type(count) is not int or not 1 <= count <= MOST_THREADS:
        # Python writes no integer of thousands of digits.
        got = "" if type(count) is int and count.bit_length() > 64 else f", not {count!r:.40}"
        raise BackendError(f"num_threads is a whole number from 1 to {MOST_THREADS}{got}")


def lacks_numpy() -> str:
    """Return why a backend that needs NumPy cannot run where it is not installed."""
    from edge_runtime.install import pip_line

    return f"NumPy is not installed: {pip_line('install', 'numpy')}"


def options_for(name: str) -> dict[str, Any]:
    """Return the options with which a command opens an untrusted file.

    Where the file might crash a library, that runs in a separate process.

    Raises:
        BackendError: there is no backend of that name.
    """
    accepted = find(name).open_session.__kwdefaults__ or {}
    return {"own_process": None} if "own_process" in accepted else {}
